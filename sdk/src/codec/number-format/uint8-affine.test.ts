import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Tensor } from '../../tensor.ts';
import { fitAffine, uint8Format } from './uint8-affine.ts';

const FLOAT_EPSILON = 2 ** -23;
/** Below it the scale is no normal float32, and the tensor is not taken. */
const SMALLEST_RANGE = 2 ** -118;

describe('uint8', () => {
  it('stays within half a scale of every value', () => {
    const centre = fc.oneof(
      fc.constant(0),
      fc.float({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }),
    );
    const spread = fc.constantFrom(1e-20, 1e-3, 1, 50, 1e10);
    const unit = fc.array(fc.float({ noNaN: true, min: -1, max: 1 }), { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(centre, spread, unit, (middle, width, units) => {
        const values = Float32Array.from(units, (value) => middle + width * value);
        const range = Math.max(...values) - Math.min(...values);
        fc.pre(range === 0 || range > SMALLEST_RANGE);
        expectWithinHalfAScale(values);
      }),
    );
  });

  it('keeps zero exactly where values lie on both sides of it, and where it is the smallest', () => {
    for (const values of [
      [-0.375, 0, 6],
      [-1, 0, 1e-3],
      [0, 3, 7],
    ]) {
      expect(roundTrip(Float32Array.from(values))[1 - Number(values[0] === 0)]).toBe(0);
    }
  });

  it('keeps a constant exactly, whatever its size', () => {
    for (const value of [0, 1, -3.25, 1e-44, -3.4e38]) {
      expect([...roundTrip(Float32Array.of(value, value))]).toEqual([Math.fround(value), Math.fround(value)]);
    }
  });

  it('rounds to the nearest symbol', () => {
    const values = Float32Array.from({ length: 256 }, (_, symbol) => symbol);
    expect(roundTrip(values)).toEqual(values);
    expect([...roundTrip(Float32Array.of(0, 255, 7.4, 7.6))]).toEqual([0, 255, 7, 8]);
  });

  it('does not take NaN, infinities, or ranges that float32 cannot say', () => {
    const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;
    const never = [
      [1, nan],
      [nan, 1],
      [nan],
      [infinity, 2],
      [1, -infinity],
      [infinity, -infinity],
      [0, 1e-43],
    ];
    for (const values of never) expect(fitAffine(Float32Array.from(values))).toBeUndefined();
  });

  it('keeps the largest values finite, or does not take them', () => {
    for (const values of [
      [-3.4028234e38, 3.4028234e38],
      [0, 3.4028234e38],
      [-3.4028234e38, 1e38],
    ]) {
      const floats = Float32Array.from(values);
      if (fitAffine(floats) !== undefined) expect([...roundTrip(floats)].every(Number.isFinite)).toBe(true);
      else expect(uint8Format().encode({ type: 'float32', dims: [2], data: floats })).toBeUndefined();
    }
  });

  it('takes float16 by its bits and gives float16 back', () => {
    const format = uint8Format();
    const tensor: Tensor = { type: 'float16', dims: [3], data: Uint16Array.of(0x0000, 0x3c00, 0x4000) };
    const symbols = format.encode(tensor);
    if (symbols === undefined) return expect.fail('was not taken');
    expect(symbols.payload).toEqual(Uint8Array.of(0, 127, 255));
    const { type, data } = format.decode(symbols, 'float16', [3]);
    // 127 / 255 * 2 is 8 units in the last place below 1.
    expect([type, ...data]).toEqual(['float16', 0x0000, 0x3c00 - 8, 0x4000]);
  });
});

function roundTrip(values: Float32Array): Float32Array {
  const format = uint8Format();
  const dims = [values.length];
  const symbols = format.encode({ type: 'float32', dims, data: values });
  if (symbols === undefined) return expect.fail('was not taken');
  return format.decode(symbols, 'float32', dims).data as Float32Array;
}

function expectWithinHalfAScale(values: Float32Array): void {
  const scale = fitAffine(values)?.scale ?? expect.fail('was not taken');
  const decoded = roundTrip(values);
  for (const [index, value] of values.entries()) {
    const largest = Math.max(...values.map(Math.abs));
    const bound = scale * (0.5 + 255 * FLOAT_EPSILON) + largest * FLOAT_EPSILON;
    expect(Math.abs((decoded[index] ?? Number.NaN) - value)).toBeLessThanOrEqual(bound);
  }
}
