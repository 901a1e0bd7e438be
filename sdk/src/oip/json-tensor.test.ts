import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  elementCount,
  TENSOR_TYPES,
  type Tensor,
  type TensorType,
  tensorBytes,
  tensorFromBytes,
} from '../tensor.ts';
import { datatypeOf } from './datatype.ts';
import { fromOip, toOip } from './json-tensor.ts';

const JSON_TYPES = (Object.keys(TENSOR_TYPES) as TensorType[]).filter((type) => type !== 'float16');

describe('tensors of the Open Inference Protocol', () => {
  it('come back unchanged through JSON, whatever type and shape', () => {
    fc.assert(
      fc.property(tensors(), (tensor) => {
        const back = fromOip(JSON.parse(JSON.stringify(toOip('x', tensor))));
        expect(back.type).toBe(tensor.type);
        expect(back.dims).toEqual(tensor.dims);
        expect(tensorBytes(back)).toEqual(tensorBytes(tensor));
      }),
    );
  });

  it('may be nested', () => {
    const nested = fromOip({ name: 'x', datatype: 'FP32', shape: [2, 1, 2], data: [[[1, 2]], [[3, 4]]] });
    expect(nested).toEqual({ type: 'float32', dims: [2, 1, 2], data: Float32Array.of(1, 2, 3, 4) });
  });

  it('write 64-bit integers digit by digit', () => {
    const tensor: Tensor = { type: 'int64', dims: [1], data: BigInt64Array.of(2n ** 62n + 1n) };
    expect(JSON.stringify(toOip('x', tensor).data)).toBe('[4611686018427387905]');
  });

  it('take true and false for BOOL, and give them', () => {
    const tensor = fromOip({ name: 'x', datatype: 'BOOL', shape: [3], data: [true, 0, 1] });
    expect([...tensor.data]).toEqual([1, 0, 1]);
    expect(toOip('x', tensor).data).toEqual([true, false, true]);
  });

  it.each([
    ['a datatype that is none', { datatype: 'FLOAT' }, 'input-type'],
    ['FP16, which has no JSON form', { datatype: 'FP16' }, 'input-type'],
    ['too few values', { data: [1] }, 'input-shape'],
    ['too many values', { data: [1, 2, 3] }, 'input-shape'],
    ['a shape that claims far more than there is', { shape: [2 ** 30, 2 ** 30] }, 'input-shape'],
    ['a shape of too many dimensions', { shape: Array(9).fill(1) }, 'input-shape'],
    ['text as data', { data: '1,2' }, 'input-shape'],
    ['text among the values', { data: [1, '2'] }, 'input-type'],
    ['null among the values', { data: [1, null] }, 'input-type'],
    ['a fraction as an integer', { datatype: 'INT32', data: [1, 2.5] }, 'input-type'],
    ['an integer out of range', { datatype: 'UINT8', data: [1, 256] }, 'input-type'],
    ['an integer that JSON has already rounded', { datatype: 'INT64', data: [1, 2 ** 53] }, 'input-type'],
    ['values nested without end', { data: nest(50) }, 'input-shape'],
  ])('are refused for %s', (_what, change, code) => {
    const claim = { name: 'x', datatype: 'FP32', shape: [2], data: [1, 2] as unknown, ...change };
    expect(() => fromOip(claim)).toThrow(expect.objectContaining({ code }));
  });
});

function tensors(): fc.Arbitrary<Tensor> {
  const dims = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 4 });
  return fc.tuple(fc.constantFrom(...JSON_TYPES), dims).chain(([type, shape]) => valuesOf(type, shape));
}

function valuesOf(type: TensorType, dims: readonly number[]): fc.Arbitrary<Tensor> {
  const length = elementCount(dims);
  return fc.array(elementOf(type), { minLength: length, maxLength: length }).map((values) => {
    const tensor = tensorFromBytes(type, dims, new Uint8Array(length * TENSOR_TYPES[type].bytes));
    values.forEach((value, index) => {
      tensor.data[index] = value;
    });
    return tensor;
  });
}

function elementOf(type: TensorType): fc.Arbitrary<number | bigint> {
  if (type === 'bool') return fc.integer({ min: 0, max: 1 });
  if (type === 'int64' || type === 'uint64')
    return fc.bigInt({ min: type === 'int64' ? -(2n ** 53n) + 1n : 0n, max: 2n ** 53n - 1n });
  // JSON has no minus zero.
  if (datatypeOf(type).startsWith('FP'))
    return fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
  return fc.integer({ min: 0, max: 127 });
}

function nest(depth: number): unknown {
  let data: unknown = [1, 2];
  for (let level = 0; level < depth; level++) data = [data];
  return data;
}
