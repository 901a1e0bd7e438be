import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../clock.ts';
import { isSplitError } from '../errors.ts';
import { createRunQueue, type QueueLimits } from './run-queue.ts';

const LIMITS: QueueLimits = {
  inFlight: 1,
  maxQueuedCount: 2,
  maxQueuedBytes: 100,
  maxAgeMs: 60_000,
  whenFull: 'refuse',
};

/** Runs that end when they are told to, and how each of those submitted ended, in order of submission. */
function bench(limits: Partial<QueueLimits> = {}) {
  const queue = createRunQueue({ ...LIMITS, ...limits }, systemClock());
  const started: string[] = [];
  const ends = new Map<string, () => void>();
  const submit = (name: string, bytes = 1, signal?: AbortSignal) =>
    queue
      .submit({
        bytes,
        signal,
        work: (where) => {
          started.push(name);
          return new Promise<string>((resolve) => ends.set(name, () => resolve(where)));
        },
      })
      .catch((error: unknown) => (isSplitError(error) ? error.code : error));
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  const end = async (name: string) => {
    ends.get(name)?.();
    await settle();
  };
  return { queue, started, submit, end };
}

describe('a run queue', () => {
  it('refuses the one that finds no room, by count and by bytes', async () => {
    const { submit, end, started } = bench();
    const [a, b, c] = [submit('a'), submit('b', 60), submit('c', 41)];
    expect(await c).toBe('overloaded');
    const d = submit('d', 40);
    expect(await submit('e', 0)).toBe('overloaded');
    for (const name of ['a', 'b', 'd']) await end(name);
    expect(await Promise.all([a, b, d])).toEqual(['any', 'any', 'any']);
    expect(started).toEqual(['a', 'b', 'd']);
  });

  it('drops the oldest of those that wait', async () => {
    const { submit, end, started } = bench({ whenFull: 'drop-oldest', maxQueuedCount: 1 });
    const [, b, c] = [submit('a'), submit('b'), submit('c')];
    expect(await b).toBe('overloaded');
    await end('a');
    await end('c');
    expect(await c).toBe('any');
    expect(started).toEqual(['a', 'c']);
  });

  it('gives what does not fit to the device, and refuses what is more than the device may hold', async () => {
    const { submit, end } = bench({ whenFull: 'local', maxQueuedCount: 0 });
    const [a, b, c] = [submit('a'), submit('b'), submit('c')];
    expect(await c).toBe('overloaded');
    await end('b');
    await end('a');
    expect(await Promise.all([a, b])).toEqual(['any', 'local']);
  });

  it('lets the newest go first and drops what came before it', async () => {
    const { submit, end } = bench({ next: 'newest' });
    const [, b, c] = [submit('a'), submit('b'), submit('c')];
    await end('a');
    expect(await b).toBe('overloaded');
    await end('c');
    expect(await c).toBe('any');
  });

  it('ends a wait that is too long, and one that the caller stops', async () => {
    const { submit } = bench({ maxAgeMs: 1 });
    const stop = new AbortController();
    const [, b, c] = [submit('a'), submit('b'), submit('c', 1, stop.signal)];
    stop.abort('enough');
    expect(await Promise.all([b, c])).toEqual(['overloaded', 'enough']);
  });

  it('ends every run exactly once, never holding more than its limits, whatever comes and goes', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('submit' as const), bytes: fc.nat(120) }),
      fc.record({ kind: fc.constant('end' as const), nth: fc.nat(5) }),
      fc.record({ kind: fc.constant('abort' as const), nth: fc.nat(5) }),
    );
    const limits = fc.record({
      inFlight: fc.integer({ min: 1, max: 3 }),
      maxQueuedCount: fc.nat(3),
      whenFull: fc.constantFrom('refuse', 'drop-oldest', 'local'),
      next: fc.constantFrom('oldest', 'newest'),
    } as const);
    await fc.assert(
      fc.asyncProperty(limits, fc.array(step, { maxLength: 40 }), async (given, steps) => {
        const queue = createRunQueue({ ...LIMITS, ...given }, systemClock());
        const open: (() => void)[] = [];
        const stops: AbortController[] = [];
        const endings: Promise<unknown>[] = [];
        let running = 0;
        let most = 0;
        const work = () => {
          most = Math.max(most, ++running);
          return new Promise<void>((resolve) => open.push(resolve)).finally(() => running--);
        };
        for (const one of steps) {
          if (one.kind === 'submit') {
            const stop = new AbortController();
            stops.push(stop);
            endings.push(queue.submit({ ...one, signal: stop.signal, work }).catch(() => undefined));
          } else if (one.kind === 'end') open.splice(one.nth, 1)[0]?.();
          else stops[one.nth]?.abort();
          await Promise.resolve();
        }
        // A run that has just ended lets the next one start a few microtasks later: look only after these.
        do {
          for (const end of open.splice(0)) end();
          await new Promise((resolve) => setImmediate(resolve));
        } while (open.length > 0);
        await Promise.all(endings);
        expect(running).toBe(0);
        expect(queue.hasRoom()).toBe(true);
        expect(most).toBeLessThanOrEqual(given.inFlight * (given.whenFull === 'local' ? 2 : 1));
      }),
      { numRuns: 200 },
    );
  });
});
