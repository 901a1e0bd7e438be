/**
 * An inference request of the Open Inference Protocol: JSON, or JSON followed by the bytes of tensors (the binary
 * extension: KServe and Triton call it so). In the second form the header INFERENCE_HEADER says how long the JSON is.
 */
import { z } from 'zod';
import { SplitError } from '../errors.ts';
import { elementCount, TENSOR_TYPES, type Tensor, type Tensors, tensorFromBytes } from '../tensor.ts';
import { typeOf } from './datatype.ts';
import { fromOip, MAX_RANK } from './json-tensor.ts';

/** HTTP header with the length of the JSON before the tensors' bytes, in requests and replies. */
export const INFERENCE_HEADER = 'inference-header-content-length';

export interface InferRequest {
  readonly id: string | undefined;
  readonly feeds: Tensors;
  /** What is wanted, in this order; `undefined`: all outputs. */
  readonly outputs: readonly RequestedOutput[] | undefined;
  /** Whether outputs that were not named come as bytes. */
  readonly isBinaryByDefault: boolean;
  /** As they came; nobody has checked them. */
  readonly parameters: Readonly<Record<string, unknown>>;
}

export interface RequestedOutput {
  readonly name: string;
  readonly isBinary: boolean;
}

export interface InferBody {
  /** The parsed JSON. */
  readonly json: unknown;
  /** What follows it; empty without the extension. */
  readonly binary: Uint8Array;
}

// Tolerant of keys that a newer client sends. The data's values are checked by type while they are copied.
const parameters = z.record(z.string(), z.unknown()).optional();
const schema = z.object({
  id: z.string().max(256).optional(),
  inputs: z
    .array(
      z.object({
        name: z.string(),
        datatype: z.string(),
        shape: z.array(z.int().nonnegative()),
        parameters,
        data: z.unknown().optional(),
      }),
    )
    .max(4096),
  outputs: z
    .array(z.object({ name: z.string(), parameters }))
    .max(4096)
    .optional(),
  parameters,
});

/**
 * Parts a body of the binary extension.
 * @param headerLength the value of INFERENCE_HEADER; absent: all of it is JSON
 * @throws SplitError `options-invalid`
 */
export function splitInferBody(bytes: Uint8Array, headerLength: string | undefined): InferBody {
  const end = headerLength === undefined ? bytes.length : Number(headerLength);
  if (!Number.isInteger(end) || end < 0 || end > bytes.length) {
    const text = `${INFERENCE_HEADER} is ${headerLength} in a body of ${bytes.length} bytes`;
    throw new SplitError('options-invalid', text);
  }
  try {
    const json: unknown = JSON.parse(
      new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, end)),
    );
    return { json, binary: bytes.subarray(end) };
  } catch (cause) {
    throw new SplitError('options-invalid', `the request is not JSON: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** @throws SplitError `options-invalid`, `input-name`, `input-type`, `input-shape` */
export function readInferRequest({ json, binary }: InferBody): InferRequest {
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const why = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
    throw new SplitError('options-invalid', `request: ${why.slice(0, 500)}`);
  }
  const { id, inputs, outputs, parameters: given = {} } = parsed.data;
  const isBinaryByDefault = given.binary_data_output === true;
  return {
    id,
    feeds: readInputs(inputs, binary),
    outputs: outputs?.map(({ name, parameters: own }) => ({
      name,
      isBinary: typeof own?.binary_data === 'boolean' ? own.binary_data : isBinaryByDefault,
    })),
    isBinaryByDefault,
    parameters: given,
  };
}

type Input = z.output<typeof schema>['inputs'][number];

/** Bytes follow each other in the order of the inputs that have some. */
function readInputs(inputs: readonly Input[], binary: Uint8Array): Tensors {
  const feeds = new Map<string, Tensor>();
  let at = 0;
  for (const input of inputs) {
    if (feeds.has(input.name)) throw new SplitError('input-name', `input '${input.name}' is there twice`);
    const size = input.parameters?.binary_data_size;
    if (size === undefined) {
      feeds.set(input.name, fromOip({ ...input, data: input.data }));
      continue;
    }
    if (typeof size !== 'number' || !Number.isInteger(size) || size < 0 || at + size > binary.length) {
      const text = `input '${input.name}' claims ${String(size)} bytes at ${at}; ${binary.length} follow the JSON`;
      throw new SplitError('input-shape', text);
    }
    feeds.set(input.name, readBinary(input, binary.subarray(at, at + size)));
    at += size;
  }
  if (at !== binary.length)
    throw new SplitError('input-shape', `${binary.length} bytes follow the JSON; the inputs name ${at}`);
  return Object.fromEntries(feeds);
}

function readBinary({ name, datatype, shape }: Input, bytes: Uint8Array): Tensor {
  const type = typeOf(name, datatype);
  if (shape.length > MAX_RANK)
    throw new SplitError('input-shape', `input '${name}' has rank ${shape.length}; the limit is ${MAX_RANK}`);
  const needed = elementCount(shape) * TENSOR_TYPES[type].bytes;
  if (bytes.length !== needed) {
    const text = `input '${name}' has ${bytes.length} bytes; ${datatype} of shape [${shape}] needs ${needed}`;
    throw new SplitError('input-shape', text);
  }
  if (type === 'bool' && bytes.some((byte) => byte > 1))
    throw new SplitError('input-type', `input '${name}' is BOOL and has a byte that is neither 0 nor 1`);
  return tensorFromBytes(type, shape, bytes);
}
