import { describe, expect, it } from 'vitest';
import { decodeNpy, encodeNpy } from './npy.ts';

/** As numpy.save writes it, version 1. */
function npy(header: string, values: ArrayBufferView): Uint8Array {
  const padded = `${header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11)}\n`;
  const head = [0x93, ...Buffer.from('NUMPY'), 1, 0, padded.length & 255, padded.length >> 8];
  const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return Uint8Array.from([...head, ...Buffer.from(padded), ...data]);
}

const header = (descr: string, shape: string, order = 'False') =>
  `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }`;

describe('decodeNpy', () => {
  it('reads floats of two dimensions', () => {
    const tensor = decodeNpy(npy(header('<f4', '(2, 3)'), Float32Array.of(1, 2, 3, 4, 5, 6.5)));
    expect(tensor).toEqual({ type: 'float32', dims: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6.5) });
  });

  it.each([
    ['int64', '<i8', BigInt64Array.of(-1n, 7n)],
    ['uint8', '|u1', Uint8Array.of(3, 4)],
    ['bool', '|b1', Uint8Array.of(0, 1)],
    ['float16', '<f2', Uint16Array.of(0x3c00, 0)],
  ])('reads %s', (type, descr, data) => {
    expect(decodeNpy(npy(header(descr, '(2,)'), data))).toEqual({ type, dims: [2], data });
  });

  it('reads a scalar', () => {
    expect(decodeNpy(npy(header('<f8', '()'), Float64Array.of(0.5)))).toMatchObject({
      type: 'float64',
      dims: [],
    });
  });

  it.each([
    ['no .npy file', Uint8Array.of(1, 2, 3)],
    ['big-endian values', npy(header('>f4', '(1,)'), Float32Array.of(1))],
    ['objects', npy(header('|O', '(1,)'), Float32Array.of(1))],
    ['column order', npy(header('<f4', '(1,)', 'True'), Float32Array.of(1))],
    ['fewer values than its shape', npy(header('<f4', '(9,)'), Float32Array.of(1))],
    ['a header that is cut off', npy(header('<f4', '(1,)'), Float32Array.of(1)).subarray(0, 40)],
    ['a shape of words', npy(header('<f4', "('a',)"), Float32Array.of(1))],
  ])('refuses %s', (_, bytes) => {
    expect(() => decodeNpy(bytes)).toThrowError(expect.objectContaining({ code: 'options-invalid' }));
  });
});

describe('encodeNpy', () => {
  it.each([
    { type: 'float32', dims: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6.5) },
    { type: 'int64', dims: [2], data: BigInt64Array.of(-1n, 7n) },
    { type: 'bool', dims: [1, 2], data: Uint8Array.of(0, 1) },
    { type: 'float64', dims: [], data: Float64Array.of(0.5) },
  ] as const)('writes $type of [$dims] as decodeNpy reads it', (tensor) => {
    expect(decodeNpy(encodeNpy(tensor))).toEqual(tensor);
  });

  it('writes what numpy.save writes', () => {
    const tensor = { type: 'float32', dims: [3], data: Float32Array.of(1, 2, 3) } as const;
    expect(encodeNpy(tensor)).toEqual(npy(header('<f4', '(3,)'), tensor.data));
  });
});
