import type { TensorInfo } from '@cutpoint/sdk';
import { sampleFeeds, sampleTensor } from '@cutpoint/sdk/gateway';
import { describe, expect, it } from 'vitest';
import { median } from './warm-up.ts';

describe('sample feeds', () => {
  const input: TensorInfo = { name: 'x', type: 'float32', shape: ['batch', 3, ''] };

  it('take the shapes that were given, and a batch of 1 where it is open', () => {
    expect(sampleFeeds([{ ...input, shape: ['', 3, 8] }], {})?.x?.dims).toEqual([1, 3, 8]);
    expect(sampleFeeds([input], { x: [2, 3, 8] })?.x?.dims).toEqual([2, 3, 8]);
  });

  it('are not made where a rank or a size is not known, or the tensor would be enormous', () => {
    expect(sampleFeeds([input], {})).toBeUndefined();
    expect(sampleFeeds([{ ...input, shape: null }], {})).toBeUndefined();
    expect(sampleFeeds([input], { x: [2 ** 20, 3, 2 ** 20] })).toBeUndefined();
  });

  it.each([
    'float32',
    'float64',
    'int64',
    'bool',
    'uint8',
  ] as const)('of %s are alike on every start and not all equal', (type) => {
    const make = () => sampleTensor({ type, dims: [64], seed: 1 });
    expect(make()).toEqual(make());
    const values = [...make().data].map(Number);
    expect(new Set(values).size).toBeGreaterThan(1);
    expect(values.every((value) => value >= 0 && value <= 1)).toBe(true);
  });

  it('of float16 are finite numbers', () => {
    const { data } = sampleTensor({ type: 'float16', dims: [64], seed: 1 });
    // Exponent bits that are all ones are infinities and what is not a number.
    expect([...data].every((bits) => (Number(bits) & 0x7c00) !== 0x7c00)).toBe(true);
  });
});

describe('the median', () => {
  it.each([
    [[3, 1, 2], 2],
    [[4, 1, 2, 3], 2],
    [[], 0],
  ])('of %j is %d', (values, expected) => {
    expect(median(values)).toBe(expected);
  });
});
