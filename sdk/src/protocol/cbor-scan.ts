/** Walks over CBOR without building anything, and refuses what the protocol never writes. Linear in the bytes. */
import { SplitError } from '../errors.ts';
import { MAX_CBOR_DEPTH, MAX_CBOR_ITEMS } from './limits.ts';

/** Major types of RFC 8949, section 3.1. */
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const MAP = 5;
const TAG = 6;
const SIMPLE = 7;

interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
  items: number;
}

/** @throws SplitError `message-invalid` naming the byte: tags, indefinite lengths, deep nesting, wrong lengths, trailing bytes */
export function scanCbor(bytes: Uint8Array): void {
  const cursor = { bytes, at: 0, items: 0 };
  scanItem(cursor, 0);
  if (cursor.at !== bytes.length) refuse(cursor, `${bytes.length - cursor.at} bytes follow the value`);
}

/** Returns the item's major type. */
function scanItem(cursor: Cursor, depth: number): number {
  if (depth > MAX_CBOR_DEPTH) refuse(cursor, `nested deeper than ${MAX_CBOR_DEPTH}`);
  cursor.items += 1;
  if (cursor.items > MAX_CBOR_ITEMS) refuse(cursor, `more than ${MAX_CBOR_ITEMS} values`);
  const initial = byteAt(cursor, cursor.at);
  cursor.at += 1;
  const major = initial >> 5;
  const info = initial & 31;
  if (major === TAG) refuse(cursor, 'tags are not used');
  if (major === SIMPLE) scanSimple(cursor, info);
  else scanSized(cursor, major, readArgument(cursor, info), depth);
  return major;
}

function scanSized(cursor: Cursor, major: number, size: number, depth: number): void {
  if (major < BYTES) return;
  // Each element takes a byte at least, so a count beyond the rest is a lie.
  if (size > cursor.bytes.length - cursor.at) refuse(cursor, `a length of ${size} is beyond the end`);
  if (major === BYTES || major === TEXT) cursor.at += size;
  if (major === ARRAY) for (let index = 0; index < size; index++) scanItem(cursor, depth + 1);
  if (major === MAP) for (let index = 0; index < size; index++) scanEntry(cursor, depth + 1);
}

function scanEntry(cursor: Cursor, depth: number): void {
  const key = scanItem(cursor, depth);
  if (key !== TEXT) refuse(cursor, 'a key of a map is not text');
  scanItem(cursor, depth);
}

/** false, true, null, undefined, and floats of 16, 32 and 64 bits. */
function scanSimple(cursor: Cursor, info: number): void {
  if (info >= 20 && info <= 23) return;
  if (info < 25 || info > 27) refuse(cursor, `simple value ${info} is not used`);
  cursor.at += 2 ** (info - 24);
  if (cursor.at > cursor.bytes.length) refuse(cursor, 'the bytes end inside a number');
}

/** The argument behind the initial byte: a value below 24, or 1, 2, 4 or 8 bytes, most significant first. */
function readArgument(cursor: Cursor, info: number): number {
  if (info < 24) return info;
  if (info > 27) refuse(cursor, 'indefinite lengths are not used');
  const end = cursor.at + 2 ** (info - 24);
  let value = 0;
  for (; cursor.at < end; cursor.at++) value = value * 256 + byteAt(cursor, cursor.at);
  if (value > Number.MAX_SAFE_INTEGER) refuse(cursor, `integer ${value} is too large`);
  return value;
}

function byteAt(cursor: Cursor, at: number): number {
  const byte = cursor.bytes[at];
  return byte === undefined ? refuse(cursor, 'the bytes end too early') : byte;
}

function refuse(cursor: Cursor, what: string): never {
  throw new SplitError('message-invalid', `CBOR at byte ${cursor.at} of ${cursor.bytes.length}: ${what}`);
}
