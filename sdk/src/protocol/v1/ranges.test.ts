import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AnnouncedModel } from './announcement.ts';
import { rangeMs, servesRange } from './ranges.ts';

const COUNT = 5;
const IDS = ['input', ...Array.from({ length: COUNT }, (_, i) => `c${i}`), 'outputs'];
const place = fc.nat({ max: COUNT + 1 });
const id = (at: number) => IDS[at] as string;
/** Each segment takes as many milliseconds as its number. */
const restMs = (from: number, to = COUNT + 1) =>
  Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i + 1).reduce((sum, ms) => sum + ms, 0);
const cutsOf = (from: number, to: number, end: number) =>
  Array.from({ length: COUNT }, (_, i) => i + 1)
    .filter((at) => at >= from && at <= to)
    .map((at) => ({ id: id(at), tailMs: restMs(at, end) }));

/** As a gateway announces the part of a model that it runs. */
function announced(from: number, to: number): AnnouncedModel {
  const base = { name: 'net', digest: 'd' };
  const range = { from: id(from), to: id(to) };
  const isToEnd = to === COUNT + 1;
  return isToEnd
    ? { ...base, cuts: cutsOf(from, to, to), ...(from === 0 && { inputTailMs: restMs(0) }), range }
    : { ...base, cuts: [], range: { ...range, cuts: cutsOf(from, to, to) } };
}

describe('what a gateway announces', () => {
  it('covers what lies inside of its range, and nothing else', () => {
    const four = fc.tuple(place, place, place, place).filter(([a, b]) => a < b);
    fc.assert(
      fc.property(four, ([first, last, from, to]) => {
        const isInside = first <= from && from < to && to <= last;
        const ends = { from: id(from), to: to === COUNT + 1 ? undefined : id(to) };
        expect(servesRange(announced(first, last), ends)).toBe(isInside);
        const ms = rangeMs(announced(first, last), ends);
        if (!isInside) expect(ms).toBeUndefined();
        else if (from > 0) expect(ms).toBeCloseTo(restMs(from, to));
      }),
    );
  });

  it('is whole tails alone where it announces no range', () => {
    const { range: _, ...old } = announced(0, COUNT + 1);
    expect(servesRange(old, { from: 'c1' })).toBe(true);
    expect(servesRange(old, { from: 'input' })).toBe(true);
    expect(servesRange(old, { from: 'c1', to: 'c2' })).toBe(false);
    expect(servesRange(old, { from: 'elsewhere' })).toBe(false);
    expect(rangeMs(old, { from: 'input' })).toBe(restMs(0));
  });
});
