import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lineAt, msPerByte } from './envelope.ts';
import { lookUp, planMap } from './plan-map.ts';
import { armLine, type PlannedArm } from './planned-arm.ts';

const link = { roundTripMs: 20, downlinkBitsPerSecond: 1e7, queueMs: 2 };
const range = { fromX: msPerByte(1e10), toX: msPerByte(1e4) };

const arm = fc
  .record({
    kind: fc.constantFrom<PlannedArm['kind']>('device', 'cloud', 'split'),
    headMs: fc.integer({ min: 0, max: 2000 }),
    tailMs: fc.integer({ min: 0, max: 500 }),
    sentBytes: fc.integer({ min: 1, max: 1e6 }),
  })
  .map(({ kind, headMs, tailMs, sentBytes }): PlannedArm => {
    const cost = { headMs, encodeMs: 1, tailMs, sentBytes, receivedBytes: 100, decodeMs: 1 };
    const unknown = { payloadBytes: sentBytes, deviceMemoryBytes: null, accuracyLoss: null };
    return { id: kind, kind, name: kind, depth: 0, cost, ...unknown, sendsInput: false, isGuess: false };
  });
const arms = fc.array(arm, { minLength: 1, maxLength: 40 });
const rate = fc.double({ min: 4, max: 10, noNaN: true }).map((exponent) => msPerByte(10 ** exponent));
const slowdown = fc.oneof(fc.double({ min: 1, max: 32, noNaN: true }), fc.constantFrom(1, 1.25, 4, 32));

function leastMs(list: readonly PlannedArm[], x: number, cloudSlowdown: number): number {
  return Math.min(...list.map((each) => lineAt(armLine(each, link, cloudSlowdown), x)));
}

describe('the map', () => {
  it('answers as a scan of all arms would, on a level exactly, between two within the slack that it says', () => {
    fc.assert(
      fc.property(arms, rate, slowdown, (list, x, cloudSlowdown) => {
        const levels = planMap(list, link, { range, isAllowed: () => true });
        const answer = lookUp({ arms: list, link, levels }, { x, cloudSlowdown });
        const best = leastMs(list, x, cloudSlowdown);
        const noiseMs = 1e-9 * (1 + best);
        expect(answer?.totalMs).toBeGreaterThanOrEqual(best - noiseMs);
        expect(answer?.totalMs).toBeLessThanOrEqual(best + (answer?.slackMs ?? 0) + noiseMs);
        if (levels.some((level) => level.cloudSlowdown === cloudSlowdown)) expect(answer?.slackMs).toBe(0);
      }),
      { numRuns: 500 },
    );
  });

  it('looks at no more than a few of thousands of intervals', () => {
    let reads = 0;
    const count = 4096;
    const width = (range.toX - range.fromX) / count;
    const pieces = Array.from({ length: count }, (_, index) => {
      const fromX = range.fromX + index * width;
      return { index: 0, fromX, toX: fromX + width };
    });
    const counted = new Proxy(pieces, {
      get: (target, key) => {
        reads++;
        return Reflect.get(target, key);
      },
    });
    const [only] = fc.sample(arm, { numRuns: 1, seed: 1 });
    if (!only) throw new Error('one arm was asked for');
    const levels = [{ cloudSlowdown: 1, pieces: counted }];
    const at = { x: range.fromX + 1000.5 * width, cloudSlowdown: 1 };
    expect(lookUp({ arms: [only], link, levels }, at)?.index).toBe(0);
    expect(reads).toBeLessThanOrEqual(2 * Math.log2(count));
  });
});
