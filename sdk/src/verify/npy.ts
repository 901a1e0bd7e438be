/** NumPy's .npy files: a header that is a Python dict in text, then the values, row by row. */
import { SplitError } from '../errors.ts';
import { elementCount, TENSOR_TYPES, type Tensor, type TensorType, tensorFromBytes } from '../tensor.ts';

const MAGIC = '\x93NUMPY';
const MAX_HEADER_BYTES = 65_536;

const TYPES: Readonly<Record<string, TensorType>> = {
  f2: 'float16',
  f4: 'float32',
  f8: 'float64',
  i1: 'int8',
  i2: 'int16',
  i4: 'int32',
  i8: 'int64',
  u1: 'uint8',
  u2: 'uint16',
  u4: 'uint32',
  u8: 'uint64',
  b1: 'bool',
};

/** @throws SplitError `options-invalid` for what is no such file: big-endian, Fortran order, objects */
export function decodeNpy(bytes: Uint8Array): Tensor {
  const { header, dataAt } = readHeader(bytes);
  const descr = /'descr':\s*'([<|=>])([a-z]\d+)'/.exec(header);
  const type = TYPES[descr?.[2] ?? ''];
  if (!type || descr?.[1] === '>') throw invalid(`values of type ${descr?.[0] ?? 'unknown'}`);
  if (!/'fortran_order':\s*False/.test(header)) throw invalid('values in column order');
  const dims = readDims(header);
  const byteCount = elementCount(dims) * TENSOR_TYPES[type].bytes;
  const rest = bytes.length - dataAt;
  if (rest !== byteCount)
    throw invalid(`${rest} bytes of values where [${dims}] of ${type} needs ${byteCount}`);
  return tensorFromBytes(type, dims, bytes.slice(dataAt));
}

function readHeader(bytes: Uint8Array): { readonly header: string; readonly dataAt: number } {
  const text = (from: number, to: number) => String.fromCharCode(...bytes.subarray(from, to));
  const major = bytes[6] ?? 0;
  if (bytes.length < 12 || text(0, 6) !== MAGIC) throw invalid('no .npy file');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [length, at] = major === 1 ? [view.getUint16(8, true), 10] : [view.getUint32(8, true), 12];
  if (length > MAX_HEADER_BYTES || at + length > bytes.length) throw invalid(`a header of ${length} bytes`);
  return { header: text(at, at + length), dataAt: at + length };
}

function readDims(header: string): readonly number[] {
  const list = /'shape':\s*\(([\d,\s]*)\)/.exec(header)?.[1];
  if (list === undefined) throw invalid('a header without a shape');
  const dims = list
    .split(',')
    .filter((part) => part.trim() !== '')
    .map(Number);
  if (dims.every((dim) => Number.isSafeInteger(dim))) return dims;
  throw invalid(`a shape of (${list})`);
}

function invalid(what: string): SplitError {
  return new SplitError(
    'options-invalid',
    `the .npy file has ${what}; write it with numpy.save of a plain array`,
  );
}
