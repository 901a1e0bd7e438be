/** Values of onnxruntime-node itself, strings included: made from test data, run through models, compared. */
import * as ort from 'onnxruntime-node';
import { readTensor } from '../../sdk/src/onnx/tensor-proto.ts';
import { stringsOf, valuesOf } from '../../sdk/src/onnx/tensor-values.ts';

export type Values = ReadonlyMap<string, ort.Tensor>;

/** A TensorProto as onnxruntime-node takes it. */
export function ortTensorOf(bytes: Uint8Array): ort.Tensor {
  const proto = readTensor({ file: bytes, start: 0, end: bytes.length });
  const strings = stringsOf(proto);
  if (strings) return new ort.Tensor('string', strings, proto.dims);
  const { type, data, dims } = valuesOf(proto);
  return new ort.Tensor(type as 'float32', data as Float32Array, dims);
}

/** Runs a model once, without any optimisation; all that it makes. Takes what it needs of `values`. */
export async function runOnce(bytes: Uint8Array, directory: string, values: Values): Promise<Values> {
  const session = await ort.InferenceSession.create(bytes, {
    graphOptimizationLevel: 'disabled',
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 4,
    extra: {
      session: { intra_op: { allow_spinning: '0' }, model_external_initializers_file_folder_path: directory },
    },
  });
  try {
    const feeds: Record<string, ort.Tensor> = Object.create(null);
    for (const name of session.inputNames) {
      const value = values.get(name);
      if (value) feeds[name] = value;
    }
    return new Map(Object.entries(await session.run(feeds)) as [string, ort.Tensor][]);
  } finally {
    await session.release();
  }
}

/** What differs, in words; undefined where nothing does. */
export function differenceInBits(
  actual: ort.Tensor | undefined,
  expected: ort.Tensor | undefined,
): string | undefined {
  const inForm = differenceInForm(actual, expected);
  if (inForm || !actual || !expected) return inForm;
  if (expected.type === 'string') return differenceAt(actual, expected, (a, b) => a === b);
  const isSame = Buffer.compare(bytesOf(actual), bytesOf(expected)) === 0;
  return isSame ? undefined : (differenceAt(actual, expected, Object.is) ?? 'the bits of a value differ');
}

/** The same with a tolerance, relative and absolute. */
export function differenceOver(
  tolerance: number,
  actual: ort.Tensor | undefined,
  expected: ort.Tensor | undefined,
): string | undefined {
  const isClose = (a: unknown, b: unknown) => {
    if (Object.is(a, b) || typeof b === 'string') return a === b || Object.is(a, b);
    const [x, y] = [Number(a), Number(b)];
    return x === y || Math.abs(x - y) <= tolerance + tolerance * Math.abs(y);
  };
  return (
    differenceInForm(actual, expected) ?? (actual && expected && differenceAt(actual, expected, isClose))
  );
}

function differenceInForm(
  actual: ort.Tensor | undefined,
  expected: ort.Tensor | undefined,
): string | undefined {
  if (!actual || !expected) return 'a value is missing';
  const [mine, theirs] = [`${actual.type}[${actual.dims}]`, `${expected.type}[${expected.dims}]`];
  return mine === theirs ? undefined : `${mine} instead of ${theirs}`;
}

function differenceAt(
  actual: ort.Tensor,
  expected: ort.Tensor,
  isSame: (a: unknown, b: unknown) => boolean,
): string | undefined {
  const [mine, theirs] = [numbersOf(actual), numbersOf(expected)];
  const at = theirs.findIndex((value, i) => !isSame(mine[i], value));
  return at < 0 ? undefined : `${mine[at]} instead of ${theirs[at]} at ${at}`;
}

function bytesOf({ data }: ort.Tensor): Uint8Array {
  const view = data as Float32Array;
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** float16 is carried as bits here; see child.ts. */
function numbersOf({ data, type }: ort.Tensor): readonly unknown[] {
  const items = [...(data as Iterable<unknown>)];
  return type === 'float16' ? items.map((bits) => floatOf(Number(bits))) : items;
}

/** A half-precision number from its bits. */
function floatOf(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent ? sign * 2 ** (exponent - 15) * (1 + fraction / 1024) : sign * 2 ** -14 * (fraction / 1024);
}
