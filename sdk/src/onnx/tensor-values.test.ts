import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TENSOR_TYPES, type TensorType, tensorBytes, tensorFromBytes } from '../tensor.ts';
import { readTensor, tensorProto } from './tensor-proto.ts';
import { decodeTensor, stringsOf } from './tensor-values.ts';
import { WireWriter } from './wire-writer.ts';

const types = Object.keys(TENSOR_TYPES) as TensorType[];

describe('decodeTensor', () => {
  it('gives back the values that were written as raw bytes, of every type', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...types),
        fc.array(fc.uint8Array({ minLength: 8, maxLength: 8 })),
        (type, items) => {
          const size = TENSOR_TYPES[type].bytes;
          const bytes = Uint8Array.from(items.flatMap((item) => [...item.slice(0, size)]));
          const tensor = tensorFromBytes(type, [items.length], bytes);
          const decoded = decodeTensor(tensorProto('t', tensor).toBytes());
          expect(decoded.name).toBe('t');
          expect(decoded.tensor.dims).toEqual([items.length]);
          expect(Buffer.compare(tensorBytes(decoded.tensor), bytes)).toBe(0);
        },
      ),
    );
  });

  it.each([
    ['float32', 1, floats(4, [1.5, -2])],
    ['float64', 11, doubles(10, [1.5, -2])],
    ['float32, not packed', 1, new WireWriter().float(4, 1.5).float(4, -2)],
  ])('reads a list of %s', (_, type, list) => {
    expect([...decodeTensor(withList(type, list)).tensor.data]).toEqual([1.5, -2]);
  });

  it.each([
    ['int32', 6, 5, [7, -9]],
    ['int16', 5, 5, [7, -9]],
    ['int8', 3, 5, [7, -128]],
    ['uint16', 4, 5, [7, 65535]],
    ['uint8', 2, 5, [7, 255]],
    ['bool', 9, 5, [1, 0]],
    ['float16', 10, 5, [0x3c00, 0xc000]],
    ['uint32', 12, 11, [7, 4294967295]],
    ['int64', 7, 7, [7n, -(2n ** 63n)]],
    ['int64 of the largest size', 7, 7, [0n, 2n ** 63n - 1n]],
    ['uint64', 13, 11, [7n, 2n ** 64n - 1n]],
  ])('reads a list of %s, packed or not', (_, type, field, values) => {
    const loose = new WireWriter();
    for (const value of values) loose.int(field, value);
    const packed = new WireWriter().bytes(field, packedInts(values));
    for (const list of [loose, packed])
      expect([...decodeTensor(withList(type, list)).tensor.data]).toEqual(values);
  });

  it.each([
    ['fewer values than its shape needs', withList(1, floats(4, [1]))],
    ['more values than its shape needs', withList(1, floats(4, [1, 2, 3]))],
    ['a list that ends in the middle of a number', withList(1, new WireWriter().bytes(4, new Uint8Array(7)))],
    [
      'a shape without end',
      new WireWriter()
        .int(1, 2 ** 50)
        .int(1, 2 ** 50)
        .int(2, 1)
        .toBytes(),
    ],
    [
      'values in another file',
      new WireWriter()
        .int(1, 2)
        .int(2, 1)
        .message(13, new WireWriter().text(1, 'location').text(2, 'w'))
        .toBytes(),
    ],
    ['a type that is not carried', withList(16, new WireWriter())],
  ])('refuses %s', (_, bytes) => {
    expect(() => decodeTensor(bytes)).toThrowError(expect.objectContaining({ code: 'model-invalid' }));
  });

  it('gives the strings of a tensor of strings', () => {
    const bytes = new WireWriter().int(1, 2).int(2, 8).text(6, 'a').text(6, 'ü').toBytes();
    expect(stringsOf(readTensor({ file: bytes, start: 0, end: bytes.length }))).toEqual(['a', 'ü']);
  });
});

function withList(type: number, list: WireWriter): Uint8Array {
  return new WireWriter().int(1, 2).int(2, type).raw(list.toBytes()).toBytes();
}

function floats(field: number, values: readonly number[]): WireWriter {
  return new WireWriter().bytes(field, new Uint8Array(Float32Array.from(values).buffer));
}

function doubles(field: number, values: readonly number[]): WireWriter {
  return new WireWriter().bytes(field, new Uint8Array(Float64Array.from(values).buffer));
}

/** Varints after one another: those of fields, without their tags of one byte. */
function packedInts(values: readonly (number | bigint)[]): Uint8Array {
  return Uint8Array.from(values.flatMap((value) => [...new WireWriter().int(1, value).toBytes().slice(1)]));
}
