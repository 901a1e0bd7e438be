/** Reads protobuf's wire format in place: nothing is copied, and every offset is that of the whole file. */
import { SplitError } from '../errors.ts';

/** A stretch of the file. Offsets are absolute, so that errors and external data can name them. */
export interface Span {
  readonly file: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** How a field's value is encoded. */
export const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

export interface Field {
  readonly number: number;
  /** One of WIRE. */
  readonly wire: number;
  /** Offset of the field's tag; the field ends at `content.end`. */
  readonly at: number;
  /** The value without tag and length. */
  readonly content: Span;
  /** Of a varint: as signed 64-bit integer, exact up to 2^53 either way. Otherwise 0. */
  readonly value: number;
}

const MAX_FIELD_NUMBER = 2 ** 29 - 1;

export function modelInvalid(offset: number, what: string): SplitError {
  return new SplitError('model-invalid', `${what} at byte ${offset}`);
}

/** The fields of one message, in file order. @throws SplitError `model-invalid` on the first bad one */
export function* fieldsOf(span: Span): Generator<Field> {
  let at = span.start;
  while (at < span.end) {
    const field = readField(span, at);
    yield field;
    at = field.content.end;
  }
}

/** Far above any real graph; below what would fill the memory, since an entry of two bytes becomes an object. */
const MAX_ENTRIES = 2 ** 20;

/** The same for messages of which each field is kept. @throws SplitError `model-invalid` beyond 1 Mi fields */
export function* entriesOf(span: Span): Generator<Field> {
  let count = 0;
  for (const field of fieldsOf(span)) {
    if (++count > MAX_ENTRIES) throw modelInvalid(field.at, `more than ${MAX_ENTRIES} entries in a message`);
    yield field;
  }
}

function readField({ file, end }: Span, at: number): Field {
  const tag = readVarint(file, at, end);
  const number = Math.floor(tag.value / 8);
  if (number < 1 || number > MAX_FIELD_NUMBER) throw modelInvalid(at, `field number ${number} out of range`);
  const wire = tag.value % 8;
  if (wire === WIRE.varint) {
    const { value, next } = readVarint(file, tag.next, end);
    return { number, wire, at, value, content: { file, start: tag.next, end: next } };
  }
  const { start, length } = contentRange(file, wire, tag.next, end);
  if (length < 0 || length > end - start) {
    throw modelInvalid(at, `field ${number} claims ${length} bytes where ${end - start} are left`);
  }
  return { number, wire, at, value: 0, content: { file, start, end: start + length } };
}

function contentRange(file: Uint8Array, wire: number, at: number, end: number) {
  if (wire === WIRE.fixed64) return { start: at, length: 8 };
  if (wire === WIRE.fixed32) return { start: at, length: 4 };
  if (wire !== WIRE.bytes) throw modelInvalid(at, `unknown wire type ${wire}`);
  const { value, next } = readVarint(file, at, end);
  return { start: next, length: value };
}

// Two halves of 49 and 15 bits: each is exact in a double, and so is their sum up to 2^53.
const LOW_BYTES = 7;
const LOW_RANGE = 2 ** 49;

function readVarint(file: Uint8Array, at: number, end: number): { value: number; next: number } {
  let low = 0;
  let high = 0;
  for (let i = 0; i < 10; i++) {
    const byte = at + i < end ? file[at + i] : undefined;
    if (byte === undefined) throw modelInvalid(at, 'number cut off');
    if (i < LOW_BYTES) low += (byte & 127) * 2 ** (7 * i);
    else high += (byte & (i === 9 ? 1 : 127)) * 2 ** (7 * (i - LOW_BYTES));
    if (byte < 128)
      return { value: (high >= 2 ** 14 ? high - 2 ** 15 : high) * LOW_RANGE + low, next: at + i + 1 };
  }
  throw modelInvalid(at, 'number of more than ten bytes');
}

/** The content's bytes, a view of the file. */
export function bytesOf({ file, start, end }: Span): Uint8Array {
  return file.subarray(start, end);
}

/** The field with its tag, to be copied verbatim. */
export function rawField(field: Field): Uint8Array {
  return field.content.file.subarray(field.at, field.content.end);
}

/** The content of a message, string or bytes field. */
export function contentOf(field: Field): Span {
  return expectWire(field, WIRE.bytes).content;
}

export function integerOf(field: Field): number {
  return expectWire(field, WIRE.varint).value;
}

/** A repeated integer field, packed or not; call once per occurrence. */
export function integersOf(field: Field, maxCount: number): number[] {
  if (field.wire === WIRE.varint) return [field.value];
  const { file, end, start } = contentOf(field);
  const values: number[] = [];
  for (let at = start; at < end; ) {
    if (values.length === maxCount) throw modelInvalid(at, `more than ${maxCount} numbers in a list`);
    const { value, next } = readVarint(file, at, end);
    values.push(value);
    at = next;
  }
  return values;
}

/** The same with every bit of 64-bit numbers, as signed ones. */
export function bigIntegersOf(field: Field, maxCount: number): bigint[] {
  const { file, end, start } = field.content;
  if (field.wire !== WIRE.varint) expectWire(field, WIRE.bytes);
  const values: bigint[] = [];
  for (let at = start; at < end; ) {
    if (values.length === maxCount) throw modelInvalid(at, `more than ${maxCount} numbers in a list`);
    const { next } = readVarint(file, at, end);
    let value = 0n;
    for (let i = next - 1; i >= at; i--) value = (value << 7n) | BigInt((file[i] ?? 0) & 127);
    values.push(BigInt.asIntN(64, value));
    at = next;
  }
  return values;
}

// Fatal, because names that decode to the same replacement character would become one name.
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function textOf(field: Field): string {
  const span = contentOf(field);
  try {
    return UTF8.decode(bytesOf(span));
  } catch (cause) {
    throw new SplitError('model-invalid', `text that is not UTF-8 at byte ${span.start}`, { cause });
  }
}

function expectWire(field: Field, wire: number): Field {
  if (field.wire === wire) return field;
  throw modelInvalid(field.at, `field ${field.number} has wire type ${field.wire}, not ${wire}`);
}
