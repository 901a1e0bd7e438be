/** The reply to an inference request: JSON, or JSON and then the bytes of those outputs that were wanted so. */
import { SplitError } from '../errors.ts';
import { type Tensor, type Tensors, tensorBytes } from '../tensor.ts';
import { datatypeOf } from './datatype.ts';
import { INFERENCE_HEADER, type InferRequest, type RequestedOutput } from './infer-request.ts';
import { toOip } from './json-tensor.ts';

export interface InferResponse {
  readonly model: string;
  readonly version?: string | undefined;
  readonly id: string | undefined;
  readonly parameters?: Readonly<Record<string, string | number | boolean>> | undefined;
  /** In the order in which they are sent; see outputsOf. */
  readonly outputs: readonly RequestedOutput[];
  readonly values: Tensors;
}

export interface EncodedResponse {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** What a request wants, of outputs with these names. */
export function outputsOf(request: InferRequest, names: readonly string[]): readonly RequestedOutput[] {
  return request.outputs ?? names.map((name) => ({ name, isBinary: request.isBinaryByDefault }));
}

/** @throws SplitError `input-type` for float16 that is wanted as JSON, `internal` for an output without a value */
export function writeInferResponse(o: InferResponse): EncodedResponse {
  const chunks: Uint8Array[] = [];
  const outputs = o.outputs.map(({ name, isBinary }) => {
    const tensor = valueNamed(o.values, name);
    if (!isBinary) return toOip(name, tensor);
    const bytes = tensorBytes(tensor);
    chunks.push(bytes);
    const parameters = { binary_data_size: bytes.length };
    return { name, datatype: datatypeOf(tensor.type), shape: tensor.dims, parameters };
  });
  const json = JSON.stringify({
    model_name: o.model,
    ...(o.version !== undefined && { model_version: o.version }),
    ...(o.id !== undefined && { id: o.id }),
    ...(o.parameters && { parameters: o.parameters }),
    outputs,
  });
  const text = new TextEncoder().encode(json);
  if (chunks.length === 0)
    return { headers: { 'content-type': 'application/json; charset=utf-8' }, body: text };
  return {
    headers: { 'content-type': 'application/octet-stream', [INFERENCE_HEADER]: String(text.length) },
    body: concat([text, ...chunks]),
  };
}

function valueNamed(values: Tensors, name: string): Tensor {
  const tensor = Object.hasOwn(values, name) ? values[name] : undefined;
  if (tensor === undefined) throw new SplitError('internal', `the run gave no '${name}'`);
  return tensor;
}

function concat(chunks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
