import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseArm, type Wish } from './constraints.ts';
import { bitsPerSecondAt, lineAt, msPerByte } from './envelope.ts';
import { OBJECTIVES, scoreArm } from './objective.ts';
import { bestPieces, scoreLines } from './objective-windows.ts';
import type { PlanLink, PlannedArm } from './planned-arm.ts';

const link: PlanLink = { roundTripMs: 20, downlinkBitsPerSecond: 2e7, queueMs: 3 };
const models = {
  power: { computeWatts: 5, idleWatts: 1, sendWatts: 1.3, sendWattsPerMbps: 0.4, source: 'test' },
  prices: { perComputeHour: 2, perGigabyte: 0.1 },
};
const RANGE = { fromX: msPerByte(1e9), toX: msPerByte(1e5) };

const time = fc.integer({ min: 1, max: 500 });
const device = time.map(
  (headMs): PlannedArm => ({
    ...{ id: 'device', kind: 'device', name: 'the device alone', depth: 1 },
    cost: { headMs, encodeMs: 0, sentBytes: 0, tailMs: 0, receivedBytes: 0, decodeMs: 0 },
    ...{ payloadBytes: 0, deviceMemoryBytes: null, accuracyLoss: 0, sendsInput: false, isGuess: false },
  }),
);
const split = fc
  .record({ headMs: time, encodeMs: time, tailMs: time, sentBytes: fc.integer({ min: 100, max: 1_000_000 }) })
  .map(
    (cost): PlannedArm => ({
      ...{ id: JSON.stringify(cost), kind: 'split', name: 'a cut', depth: 0.5 },
      cost: { ...cost, receivedBytes: 1000, decodeMs: 1 },
      ...{ payloadBytes: 0, deviceMemoryBytes: null, accuracyLoss: null, sendsInput: false, isGuess: false },
    }),
  );
const arms = fc
  .tuple(device, fc.array(split, { minLength: 1, maxLength: 8 }))
  .map(([one, more]) => [one, ...more]);
const wish = fc
  .record({
    objective: fc.constantFrom(...OBJECTIVES),
    deadlineMs: fc.option(fc.integer({ min: 50, max: 900 }), { nil: undefined }),
  })
  .map(({ objective, deadlineMs }): Wish => ({ objective, constraints: { deadlineMs }, models }));
const share = fc.double({ min: 0, max: 1, noNaN: true });
const at = (x: number) => ({
  uplinkBitsPerSecond: bitsPerSecondAt(x),
  deviceSlowdown: 1,
  cloudSlowdown: 1,
  ...link,
});

describe('scoreLines', () => {
  it('are, at their largest, what scoreArm says', () => {
    fc.assert(
      fc.property(arms, wish, share, (list, aim, where) => {
        const x = RANGE.fromX * (RANGE.toX / RANGE.fromX) ** where;
        for (const arm of list) {
          const lines = scoreLines(arm, link, aim) ?? [];
          const score = scoreArm(aim.objective, arm.cost, at(x), models) ?? Number.NaN;
          expect(Math.max(...lines.map((line) => lineAt(line, x)))).toBeCloseTo(score, 6);
        }
      }),
    );
  });
});

describe('bestPieces', () => {
  it('name on every link an arm that nobody beats by the objective and that keeps the deadline', () => {
    fc.assert(
      fc.property(arms, wish, share, (list, aim, where) => {
        const pieces = bestPieces({ arms: list, link, wish: aim, isAllowed: () => true }, RANGE);
        const x = RANGE.fromX * (RANGE.toX / RANGE.fromX) ** where;
        const piece = pieces.find(({ fromX, toX }) => fromX < x && x < toX);
        const choice = chooseArm(list, at(x), aim);
        if (!piece) {
          expect(isAtAnEdge(pieces, x) || choice.kind === 'infeasible').toBe(true);
          return;
        }
        const found = scoreArm(aim.objective, list[piece.index]?.cost as never, at(x), models);
        expect(found).toBeCloseTo(choice.kind === 'arm' ? choice.score : Number.NaN, 6);
      }),
      { numRuns: 500 },
    );
  });

  it('lie side by side from the fastest link on', () => {
    fc.assert(
      fc.property(arms, wish, (list, aim) => {
        const pieces = bestPieces({ arms: list, link, wish: aim, isAllowed: () => true }, RANGE);
        for (const [index, piece] of pieces.entries()) {
          expect(piece.fromX).toBe(pieces[index - 1]?.toX ?? RANGE.fromX);
          expect(piece.toX).toBeGreaterThan(piece.fromX);
        }
      }),
    );
  });
});

function isAtAnEdge(pieces: readonly { fromX: number; toX: number }[], x: number): boolean {
  return pieces.some(({ fromX, toX }) => Math.abs(x / fromX - 1) < 1e-9 || Math.abs(x / toX - 1) < 1e-9);
}
