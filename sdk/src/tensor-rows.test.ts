import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { elementCount, type Tensor } from './tensor.ts';
import { copyRow, copyRows, joinRows, sizeAlong, sliceRows } from './tensor-rows.ts';

const shapes = fc.record({
  dims: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 4 }),
  axis: fc.nat(3),
  at: fc.nat(4),
});

/** Of 1 byte an element, or of 8. */
function counting(dims: readonly number[], type: 'uint8' | 'int64'): Tensor {
  const values = Array.from({ length: elementCount(dims) }, (_, i) => i);
  const data = type === 'uint8' ? Uint8Array.from(values) : BigInt64Array.from(values, BigInt);
  return { type, dims, data };
}

describe('rows of tensors', () => {
  it('joined again are what they were cut from', () => {
    fc.assert(
      fc.property(shapes, fc.constantFrom('uint8', 'int64'), ({ dims, axis: drawn, at }, type) => {
        const axis = drawn % dims.length;
        const tensor = counting(dims, type);
        const middle = Math.min(at, sizeAlong(tensor, axis));
        const parts = [
          sliceRows(tensor, axis, [0, middle]),
          sliceRows(tensor, axis, [middle, sizeAlong(tensor, axis)]),
        ];
        expect(joinRows(parts, axis)).toEqual(tensor);
      }),
    );
  });

  it('along a later axis are picked from every block', () => {
    expect(copyRow(counting([2, 3], 'uint8'), 1, 1)).toEqual({
      type: 'uint8',
      dims: [2, 1],
      data: Uint8Array.of(1, 4),
    });
  });

  it('when copied do not share memory with the whole', () => {
    const tensor = counting([3, 1], 'uint8');
    const copy = copyRows(tensor, 0, [1, 3]);
    tensor.data[1] = 99;
    expect([...copy.data]).toEqual([1, 2]);
  });

  it('are refused beyond the end', () => {
    expect(() => sliceRows(counting([2], 'uint8'), 0, [1, 3])).toThrow('rows 1 to 3 of a tensor of 2');
  });
});
