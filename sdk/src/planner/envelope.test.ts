import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bitsPerSecondAt, lineAt, lowerEnvelope, msPerByte, pieceAt } from './envelope.ts';

const line = fc.record({ fixedMs: fc.integer({ min: 0, max: 50 }), bytes: fc.integer({ min: 0, max: 50 }) });
const range = { fromX: 0.01, toX: 20 };

describe('lowerEnvelope', () => {
  it('is the least of all lines at every x, without holes, each piece sending less than the one before', () => {
    fc.assert(
      fc.property(
        fc.array(line, { minLength: 1, maxLength: 30 }),
        fc.double({ min: 0.01, max: 20, noNaN: true }),
        (lines, x) => {
          const pieces = lowerEnvelope(lines, range);
          const piece = pieceAt(pieces, x);
          const least = Math.min(...lines.map((candidate) => lineAt(candidate, x)));
          expect(lineAt(lines[piece?.index ?? -1] ?? { fixedMs: Number.NaN, bytes: 0 }, x)).toBeCloseTo(
            least,
            9,
          );
          expect(pieces.map(({ fromX }) => fromX)).toEqual([
            range.fromX,
            ...pieces.slice(0, -1).map(({ toX }) => toX),
          ]);
          expect(pieces.at(-1)?.toX).toBe(range.toX);
          const bytes = pieces.map(({ index }) => lines[index]?.bytes ?? 0);
          expect(bytes).toEqual([...new Set(bytes)].sort((a, b) => b - a));
        },
      ),
    );
  });

  it('keeps the first of equal lines', () => {
    const same = { fixedMs: 1, bytes: 1 };
    expect(lowerEnvelope([same, same, same], range)).toEqual([{ index: 0, ...range }]);
  });

  it('leaves out a line that is lowest in one point only', () => {
    const lines = [
      { fixedMs: 0, bytes: 2 },
      { fixedMs: 1, bytes: 1 },
      { fixedMs: 2, bytes: 0 },
    ];
    expect(lowerEnvelope(lines, range).map(({ index }) => index)).toEqual([0, 2]);
  });

  it('has no pieces where there are no lines', () => {
    expect(lowerEnvelope([], range)).toEqual([]);
  });
});

describe('pieceAt', () => {
  const pieces = [
    { fromX: 0, toX: 1 },
    { fromX: 1, toX: 2 },
  ];

  it('takes the piece that sends less at a breakpoint, and none outside', () => {
    expect(pieceAt(pieces, 1)).toBe(pieces[1]);
    expect(pieceAt(pieces, 2)).toBe(pieces[1]);
    expect([pieceAt(pieces, -0.1), pieceAt(pieces, 2.1), pieceAt([], 1)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe('msPerByte', () => {
  it('says what a byte takes: a megabyte at 8 Mbit/s is a second', () => {
    expect(msPerByte(8e6) * 1e6).toBe(1000);
    expect(bitsPerSecondAt(msPerByte(8e6))).toBe(8e6);
  });
});
