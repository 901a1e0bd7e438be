/** NumPy's .npy files: a header that is a Python dict in text, then the values, row by row. */
import { SplitError } from '../errors.ts';
import {
  elementCount,
  TENSOR_TYPES,
  type Tensor,
  type TensorType,
  tensorBytes,
  tensorFromBytes,
} from '../tensor.ts';

const MAGIC = '\x93NUMPY';
const MAX_HEADER_BYTES = 65_536;
/** Before the dict: magic, version, length. */
const PREFIX_BYTES = 10;

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

/** Format 1.0; the header fills up to a multiple of 64 bytes, as NumPy's own does. */
export function encodeNpy(tensor: Tensor): Uint8Array {
  const kind = Object.keys(TYPES).find((key) => TYPES[key] === tensor.type);
  const order = TENSOR_TYPES[tensor.type].bytes === 1 ? '|' : '<';
  const shape = tensor.dims.length === 0 ? '()' : `(${tensor.dims.join(', ')},)`;
  const dict = `{'descr': '${order}${kind}', 'fortran_order': False, 'shape': ${shape}, }`;
  const length = Math.ceil((PREFIX_BYTES + dict.length + 1) / 64) * 64;
  const bytes = new Uint8Array(length + tensor.data.byteLength);
  const header = `${MAGIC}\x01\x00__${dict.padEnd(length - PREFIX_BYTES - 1)}\n`;
  for (let i = 0; i < length; i++) bytes[i] = header.charCodeAt(i);
  new DataView(bytes.buffer).setUint16(PREFIX_BYTES - 2, length - PREFIX_BYTES, true);
  bytes.set(tensorBytes(tensor), length);
  return bytes;
}

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
