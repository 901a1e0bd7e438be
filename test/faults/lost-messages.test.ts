/** Messages are lost, doubled and reordered, by a seed: each request ends once, in time, and is run at most once. */
import { isSplitError } from '@cutpoint/sdk';
import { describe, expect, test } from 'vitest';
import { ask, inMemory, join, patterned, reversed, serve } from '../support/request-pair.ts';
import { REQUESTS, SEED } from './fault-count.ts';

const DEADLINE_MS = 600;
const GRACE_MS = 200;
const LANES = 4;

const FAULTS = {
  'chunks and replies lost': { loss: 0.05 },
  'chunks and replies doubled': { duplication: 0.3 },
  'chunks and replies reordered': { reorder: 0.3 },
  'all at once': { loss: 0.03, duplication: 0.1, reorder: 0.2 },
};

describe(`messages that go astray (seed ${SEED})`, () => {
  test.each(Object.entries(FAULTS))('%s', { timeout: 600_000 }, async (_, faults) => {
    const connect = await inMemory({ ...faults, seed: SEED });
    const runs = new Map<string, number>();
    await serve(connect, async (request) => {
      runs.set(request.id, (runs.get(request.id) ?? 0) + 1);
      return reversed(request);
    });
    const client = await join(connect);
    let [answers, failures, worstOverrunMs] = [0, 0, Number.NEGATIVE_INFINITY];
    const lane = async (first: number) => {
      for (let index = first; index < REQUESTS; index += LANES) {
        const frame = patterned((index * 37_123) % 250_000, index);
        const startMs = performance.now();
        const outcome = await ask(client, { frame, deadlineMs: DEADLINE_MS }).catch(
          (error: unknown) => error,
        );
        worstOverrunMs = Math.max(worstOverrunMs, performance.now() - startMs - DEADLINE_MS);
        if (isSplitError(outcome)) {
          failures += 1;
          expect(outcome.code).toBe('deadline-exceeded');
        } else {
          answers += 1;
          expect(outcome).toMatchObject({ tensors: [{ name: 'x' }] });
          const [tensor] = (outcome as { tensors: { frame: Uint8Array }[] }).tensors;
          expect(Buffer.compare(tensor?.frame ?? frame, frame.toReversed())).toBe(0);
        }
      }
    };
    await Promise.all(Array.from({ length: LANES }, (__, index) => lane(index)));
    expect(answers + failures).toBe(REQUESTS);
    expect(Math.max(...runs.values())).toBe(1);
    expect(worstOverrunMs).toBeLessThan(GRACE_MS);
    // Most come through: what is lost is asked for again.
    expect(answers).toBeGreaterThan(REQUESTS * 0.9);
  });
});
