/** What `run` was called with, as onnxruntime-common's InferenceSession.run understands it, checked against the model. */
import { SplitError } from '../errors.ts';
import { elementCount, TENSOR_TYPES, type Tensor, type TensorInfo, type Tensors } from '../tensor.ts';
import type { Trace } from './trace.ts';

/** A picture file that is the model's input as the application has it; see encodeImageFrame for what it must fulfil. */
export interface ImageInput {
  /** JPEG, PNG or WebP; a function is called only when the file is needed. */
  readonly file: Uint8Array | (() => Promise<Uint8Array>);
  /** Per channel: the tensor's value is (pixel / 255 - mean) / std. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

export interface RunOptions {
  /** Overrides the session's deadline for this run, in milliseconds. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
  /** The inputs as picture files: lets "send the picture" compete with the cuts. */
  readonly images?: Readonly<Record<string, ImageInput>>;
  /** `stay`: for this run the inputs do not leave the device, whatever the session allows. */
  readonly inputs?: 'stay';
  /** Called with the run's trace before its answer is given; `session.lastTrace` may belong to another by then. */
  readonly onTrace?: (trace: Trace) => void;
  /** Uses this arm and no other, by its id as in `session.arms` and `trace.arm`. */
  readonly arm?: string;
}

/** `null` asks for the output to be allocated; preallocated tensors are not supported and read as `null`. */
export type Fetches = readonly string[] | Readonly<Record<string, Tensor | null>>;

export interface RunArguments {
  readonly feeds: Tensors;
  readonly fetches: readonly string[];
  readonly options: RunOptions;
  /** W3C trace context of the run, where it is recorded. */
  readonly traceparent?: string | undefined;
}

interface Signature {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
}

/**
 * @throws SplitError `input-name`, `input-type`, `input-shape` for feeds that do not fit the model,
 * `options-invalid` for fetches or options that do not
 */
export function readRunArguments(
  model: Signature,
  feeds: Tensors,
  second?: Fetches | RunOptions,
  third?: RunOptions,
): RunArguments {
  checkFeeds(model.inputs, feeds);
  const names = fetchNames(model.outputs, second);
  const options = names === undefined ? (second as RunOptions | undefined) : third;
  return {
    feeds,
    fetches: names ?? model.outputs.map(({ name }) => name),
    options: checkOptions(options ?? {}),
  };
}

function checkFeeds(inputs: readonly TensorInfo[], feeds: Tensors): void {
  if (typeof feeds !== 'object' || feeds === null)
    throw new SplitError('input-name', 'feeds must be an object of tensors by name');
  const known = inputs.map(({ name }) => name);
  const stranger = Object.keys(feeds).find((name) => !known.includes(name));
  if (stranger !== undefined)
    throw new SplitError('input-name', `the model has no input '${stranger}'; it has ${list(known)}`);
  const missing = known.find((name) => feeds[name] === undefined);
  if (missing !== undefined)
    throw new SplitError('input-name', `input '${missing}' is missing; the model needs ${list(known)}`);
  const symbols = new Map<string, number>();
  for (const info of inputs) checkFeed(info, feeds[info.name] as Tensor, symbols);
}

function checkFeed(info: TensorInfo, tensor: Tensor, symbols: Map<string, number>): void {
  if (typeof tensor?.type === 'string' && tensor.type !== info.type) {
    throw new SplitError(
      'input-type',
      `input '${info.name}' is ${tensor.type}, the model takes ${info.type}`,
    );
  }
  // Callers in JavaScript give what they like.
  if (!tensor?.type || !ArrayBuffer.isView(tensor.data) || !Array.isArray(tensor.dims)) {
    throw new SplitError(
      'input-type',
      `input '${info.name}' is no tensor: expected type, dims and data, a typed array`,
    );
  }
  if (tensor.data.byteLength / TENSOR_TYPES[info.type].bytes !== elementCount(tensor.dims)) {
    throw new SplitError(
      'input-shape',
      `input '${info.name}' has ${tensor.data.length} elements, its dims ${show(tensor.dims)} need ${elementCount(tensor.dims)}`,
    );
  }
  if (info.shape !== null && !shapeFits(info.shape, tensor.dims, symbols)) {
    throw new SplitError(
      'input-shape',
      `input '${info.name}' has dims ${show(tensor.dims)}, the model takes ${show(info.shape)}`,
    );
  }
}

/** A symbol must have one value throughout; an empty one (unnamed) and -1 fit anything. */
function shapeFits(
  shape: readonly (number | string)[],
  dims: readonly number[],
  symbols: Map<string, number>,
): boolean {
  if (shape.length !== dims.length) return false;
  return shape.every((dim, axis) => {
    const value = dims[axis] as number;
    if (!Number.isInteger(value) || value < 0) return false;
    if (typeof dim === 'number') return dim === value || dim < 0;
    const bound = symbols.get(dim);
    if (dim !== '') symbols.set(dim, value);
    return bound === undefined || bound === value;
  });
}

/** The names asked for, or `undefined` where the argument is no fetches but options, by ONNX Runtime's own rule. */
function fetchNames(
  outputs: readonly TensorInfo[],
  second: Fetches | RunOptions | undefined,
): readonly string[] | undefined {
  if (second === undefined || second === null) return undefined;
  const known = outputs.map(({ name }) => name);
  if (!Array.isArray(second) && !Object.keys(second).some((name) => known.includes(name))) return undefined;
  const names: readonly string[] = Array.isArray(second) ? second : Object.keys(second);
  const stranger = names.find((name) => !known.includes(name));
  if (stranger !== undefined)
    throw new SplitError('options-invalid', `the model has no output '${stranger}'; it has ${list(known)}`);
  if (names.length === 0) throw new SplitError('options-invalid', 'fetches must name at least one output');
  return [...new Set(names)];
}

function checkOptions(options: RunOptions): RunOptions {
  const { deadlineMs } = options;
  if (deadlineMs !== undefined && !(deadlineMs > 0)) {
    throw new SplitError('options-invalid', `deadlineMs is ${deadlineMs}, expected a number above 0`);
  }
  return options;
}

const list = (names: readonly string[]) => names.map((name) => `'${name}'`).join(', ');
const show = (dims: readonly (number | string)[]) =>
  `[${dims.map((dim) => (dim === '' ? '?' : dim)).join(', ')}]`;
