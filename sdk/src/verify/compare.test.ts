import { describe, expect, it } from 'vitest';
import type { Tensor } from '../tensor.ts';
import { compareOutputs } from './compare.ts';

const floats = (...values: number[]): Tensor => ({
  type: 'float32',
  data: Float32Array.from(values),
  dims: [values.length],
});
const between = (a: Tensor, b: Tensor) => compareOutputs({ y: a }, { y: b }, ['y']);

describe('compareOutputs', () => {
  it('calls equal bits exact, NaN and the sign of zero included', () => {
    expect(between(floats(1, Number.NaN, -0), floats(1, Number.NaN, -0))).toEqual({
      isExact: true,
      relative: 0,
    });
  });

  it('measures the largest difference by the largest value', () => {
    expect(between(floats(1, 8), floats(2, 10))).toEqual({ isExact: false, relative: 0.2, output: 'y' });
  });

  it('tells zeros of two signs from exact, without a difference', () => {
    expect(between(floats(0, 1), floats(-0, 1))).toEqual({ isExact: false, relative: 0, output: 'y' });
  });

  it.each([
    ['NaN against a number', floats(1, Number.NaN), floats(1, 2)],
    ['an infinity against a number', floats(1, Number.POSITIVE_INFINITY), floats(1, 2)],
    ['another shape', floats(1, 2), { ...floats(1, 2), dims: [2, 1] }],
    ['something where nothing should be', floats(1e-30), floats(0)],
    ['another type', { type: 'int32', data: Int32Array.of(1), dims: [1] } as const, floats(1)],
  ])('finds %s infinitely far apart', (_, a, b) => {
    expect(between(a, b)).toMatchObject({ isExact: false, relative: Number.POSITIVE_INFINITY });
  });

  it('finds a missing output infinitely far', () => {
    expect(compareOutputs({}, { y: floats(1) }, ['y']).relative).toBe(Number.POSITIVE_INFINITY);
  });

  it('reads float16 as numbers, not as bits', () => {
    const half = (bits: number): Tensor => ({ type: 'float16', data: Uint16Array.of(bits), dims: [1] });
    // 1 and the next half after it, 1 + 2^-10.
    expect(between(half(0x3c01), half(0x3c00)).relative).toBeCloseTo(2 ** -10, 5);
  });

  it('names the output that differs most', () => {
    const [near, far] = [floats(1, 1.001), floats(1, 2)];
    const expected = floats(1, 1);
    expect(compareOutputs({ a: near, b: far }, { a: expected, b: expected }, ['a', 'b'])).toMatchObject({
      output: 'b',
    });
  });
});
