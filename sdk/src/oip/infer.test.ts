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
import { INFERENCE_HEADER, readInferRequest, splitInferBody } from './infer-request.ts';
import { outputsOf, writeInferResponse } from './infer-response.ts';

const X: Tensor = { type: 'float32', dims: [2], data: Float32Array.of(1.5, -2) };

describe('the binary extension', () => {
  it('carries tensors of every type and shape there and back, mixed with JSON', () => {
    fc.assert(
      fc.property(fc.array(tensors(), { maxLength: 4 }), fc.boolean(), (list, isBinaryByDefault) => {
        const values = Object.fromEntries(list.map((tensor, i) => [`t${i}`, tensor]));
        const request = readInferRequest({
          json: { inputs: [], parameters: { binary_data_output: true } },
          binary: new Uint8Array(),
        });
        const outputs = outputsOf(request, Object.keys(values)).map((output, i) => ({
          ...output,
          isBinary: isBinaryByDefault || i % 2 === 0 || values[output.name]?.type === 'float16',
        }));
        const { headers, body } = writeInferResponse({ model: 'm', id: 'r', outputs, values });
        const split = splitInferBody(body, headers[INFERENCE_HEADER]);
        const { outputs: inputs } = split.json as { outputs: object[] };
        const { feeds } = readInferRequest({ json: { inputs }, binary: split.binary });
        expect(Object.keys(feeds)).toEqual(Object.keys(values));
        for (const [name, tensor] of Object.entries(values)) {
          expect(feeds[name]?.type).toBe(tensor.type);
          expect(feeds[name]?.dims).toEqual(tensor.dims);
          expect(tensorBytes(feeds[name] as Tensor)).toEqual(tensorBytes(tensor));
        }
      }),
    );
  });

  it('gives bytes only for outputs that are wanted so', () => {
    const outputs = [
      { name: 'a', parameters: { binary_data: false } },
      { name: 'b', parameters: { binary_data: true } },
      { name: 'c' },
    ];
    const json = { inputs: [], outputs, parameters: { binary_data_output: true } };
    const request = readInferRequest({ json, binary: new Uint8Array() });
    expect(request.outputs?.map(({ isBinary }) => isBinary)).toEqual([false, true, true]);
  });

  it.each([
    ['more bytes than follow', { parameters: { binary_data_size: 9 } }, 8, 'input-shape'],
    ['a negative size', { parameters: { binary_data_size: -8 } }, 8, 'input-shape'],
    ['a size that is text', { parameters: { binary_data_size: '8' } }, 8, 'input-shape'],
    ['fewer bytes than the shape needs', { parameters: { binary_data_size: 4 } }, 4, 'input-shape'],
    ['bytes that no input names', { parameters: { binary_data_size: 8 } }, 9, 'input-shape'],
    ['BYTES', { datatype: 'BYTES', parameters: { binary_data_size: 8 } }, 8, 'input-type'],
    ['a BOOL of 2', { datatype: 'BOOL', shape: [1], parameters: { binary_data_size: 1 } }, 1, 'input-type'],
    ['a huge shape', { shape: [2 ** 40, 2 ** 12], parameters: { binary_data_size: 8 } }, 8, 'input-shape'],
  ])('refuses %s', (_what, change, bytes, code) => {
    const input = { name: 'x', datatype: 'FP32', shape: [2], ...change };
    const read = () => readInferRequest({ json: { inputs: [input] }, binary: new Uint8Array(bytes).fill(2) });
    expect(read).toThrow(expect.objectContaining({ code }));
  });

  it.each(['-1', '1.5', 'x', '100'])('refuses a header length of %s', (length) => {
    const split = () => splitInferBody(new TextEncoder().encode('{}'), length);
    expect(split).toThrow(expect.objectContaining({ code: 'options-invalid' }));
  });
});

describe('a reply', () => {
  it('is JSON alone where nobody wants bytes', () => {
    const outputs = [{ name: 'x', isBinary: false }];
    const { headers, body } = writeInferResponse({
      model: 'm',
      version: '2',
      id: undefined,
      outputs,
      values: { x: X },
    });
    expect(headers[INFERENCE_HEADER]).toBeUndefined();
    expect(JSON.parse(new TextDecoder().decode(body))).toEqual({
      model_name: 'm',
      model_version: '2',
      outputs: [{ name: 'x', datatype: 'FP32', shape: [2], data: [1.5, -2] }],
    });
  });
});

function tensors(): fc.Arbitrary<Tensor> {
  const types = fc.constantFrom(...(Object.keys(TENSOR_TYPES) as TensorType[]));
  const dims = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 4 });
  return fc.tuple(types, dims).map(([type, shape]) => {
    const bytes = new Uint8Array(elementCount(shape) * TENSOR_TYPES[type].bytes);
    // Small positive numbers in every type, so that the JSON form keeps them too.
    const tensor = tensorFromBytes(type, shape, bytes);
    for (let i = 0; i < tensor.data.length; i++) {
      const value = datatypeOf(type) === 'BOOL' ? i % 2 : i;
      tensor.data[i] =
        tensor.data instanceof BigInt64Array || tensor.data instanceof BigUint64Array ? BigInt(value) : value;
    }
    return tensor;
  });
}
