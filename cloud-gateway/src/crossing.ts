/** What crosses a cut, checked: a request must bring exactly these tensors, and each must fit. */
import { elementCount, SplitError, TENSOR_TYPES, type Tensor, type TensorInfo } from '@cutpoint/sdk';

/** Largest tensor accepted where the model does not say its size, in bytes. */
const MAX_TENSOR_BYTES = 1 << 28;

/** @throws SplitError `input-name` when a tensor is missing, unknown or there twice */
export function checkNames(
  received: readonly { readonly name: string }[],
  expected: readonly TensorInfo[],
): void {
  const names = received.map(({ name }) => name);
  const wanted = new Set(expected.map(({ name }) => name));
  const stray = names.find((name, index) => !wanted.has(name) || names.indexOf(name) !== index);
  const missing = expected.find(({ name }) => !names.includes(name));
  if (stray === undefined && missing === undefined) return;
  const what =
    stray === undefined ? `'${missing?.name}' is missing` : `'${stray}' was not expected, or came twice`;
  throw new SplitError('input-name', `tensor ${what}; expected ${quoteAll(wanted)}`);
}

/** @throws SplitError `input-name` for a name that the model does not give out */
export function checkFetches(fetches: readonly string[], outputs: readonly TensorInfo[]): void {
  const known = new Set(outputs.map(({ name }) => name));
  const stray = fetches.find((name) => !known.has(name));
  if (stray === undefined) return;
  throw new SplitError(
    'input-name',
    `'${stray}' is not an output of the tail; expected some of ${quoteAll(known)}`,
  );
}

/** @throws SplitError `input-type` or `input-shape` when the tensor is not what the cut says */
export function checkTensor(tensor: Pick<Tensor, 'type' | 'dims'>, { name, type, shape }: TensorInfo): void {
  if (tensor.type !== type) {
    throw new SplitError('input-type', `tensor '${name}' is ${tensor.type}; expected ${type}`);
  }
  const { dims } = tensor;
  const fits =
    shape === null ||
    (shape.length === dims.length &&
      shape.every((dim, axis) => typeof dim === 'string' || dim === dims[axis]));
  if (fits) return;
  throw new SplitError('input-shape', `tensor '${name}' has shape [${dims}]; expected [${shape?.join(',')}]`);
}

/** Largest decoded size that the tensor may have, in bytes: its own size where every dimension is fixed. */
export function maxBytesOf({ type, shape }: TensorInfo): number {
  const dims = shape?.filter((dim) => typeof dim === 'number');
  if (dims === undefined || dims.length !== shape?.length) return MAX_TENSOR_BYTES;
  return Math.min(MAX_TENSOR_BYTES, elementCount(dims) * TENSOR_TYPES[type].bytes);
}

function quoteAll(names: Iterable<string>): string {
  return [...names].map((name) => `'${name}'`).join(', ') || 'none';
}
