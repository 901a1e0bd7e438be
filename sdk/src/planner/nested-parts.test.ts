import { describe, expect, it } from 'vitest';
import type { Closure } from './closure.ts';
import { isNested } from './closure-between.ts';
import { nestedParts } from './nested-parts.ts';

/** Items 0 to n - 1, each of which needs the one before it. */
function chainClosure(fixedMs: readonly number[]): Closure {
  const items = fixedMs.length;
  const from = Int32Array.from({ length: items - 1 }, (_, k) => k + 1);
  const to = Int32Array.from({ length: items - 1 }, (_, k) => k);
  const none = new Int32Array(0);
  return {
    rules: { items, from, to },
    base: { fixedMs: 0, bytes: 0 },
    fixedMs: Float64Array.from(fixedMs),
    isSaver: new Uint8Array(items),
    charges: { bytes: new Float64Array(0), payer: none, saver: none },
  };
}

/** The empty set and the full set of each part, as sets of the whole. */
function boundsOf(closure: Closure): number[][][] {
  return nestedParts(closure).map((part) =>
    [0, 1].map((flag) => [...part.wholeOf(new Uint8Array(part.closure.rules.items).fill(flag))]),
  );
}

describe('nestedParts', () => {
  it('leaves a problem alone whose sets are nested', () => {
    const closure = chainClosure([1, 2, 0]);
    expect(nestedParts(closure).map((part) => part.closure)).toEqual([closure]);
  });

  it('parts sets without an item that saves time from those with it, and all that it needs', () => {
    expect(boundsOf(chainClosure([1, -2, 1]))).toEqual([
      [
        [0, 0, 0],
        [1, 0, 0],
      ],
      [
        [1, 1, 0],
        [1, 1, 1],
      ],
    ]);
  });

  it('settles several such items, so that every part is nested and none is empty of meaning', () => {
    const parts = nestedParts(chainClosure([1, -2, 1, -3, 1]));
    expect(parts.map((part) => isNested(part.closure))).toEqual([true, true, true]);
  });

  it('leaves a problem whole where so many items save time that parting costs more', () => {
    expect(nestedParts(chainClosure([-1, -1, -1, -1])).length).toBe(1);
  });
});
