/** The structure of an .onnx file: all of it but the values of large weights, which are neither read nor held. */
import { type FileHandle, open } from 'node:fs/promises';
import { type Field, fieldsOf, type Span, WIRE } from '../onnx/wire-reader.ts';

/** Values of this many bytes and more are left out. Anything smaller is cheaper to read than to skip. */
const MIN_HOLE_BYTES = 1 << 16;
/** Tag and length of a field are shorter. */
const HEADER_BYTES = 32;
const READ_BYTES = 1 << 16;

/** Fields to look into, by message: the model's graph, its initializers, and their raw values. */
const INTO = { model: { 7: 'graph' }, graph: { 5: 'tensor' }, tensor: { 9: 'hole' } } as const;
type Message = keyof typeof INTO;

/**
 * As long as the file and equal to it everywhere but in large weights, where it is zero. What is zero was never written
 * to, so it takes no memory either.
 * A file that is no model is given as it is, for its reader to say what is wrong.
 */
export async function readStructure(path: string): Promise<Uint8Array> {
  const handle = await open(path);
  try {
    const { size } = await handle.stat();
    const file = new Uint8Array(size);
    await readMessage({ handle, file, filled: 0 }, { span: { file, start: 0, end: size }, message: 'model' });
    return file;
  } finally {
    await handle.close();
  }
}

interface Reading {
  readonly handle: FileHandle;
  readonly file: Uint8Array;
  /** Everything before it has been read, or is a hole. */
  filled: number;
}

async function readMessage(
  reading: Reading,
  { span, message }: { span: Span; message: Message },
): Promise<void> {
  const into: Readonly<Record<number, Message | 'hole'>> = INTO[message];
  let at = span.start;
  while (at < span.end) {
    await fillTo(reading, Math.min(at + HEADER_BYTES, span.end));
    const field = fieldAt(span, at);
    if (!field) return fillTo(reading, reading.file.length);
    const inner = field.wire === WIRE.bytes ? into[field.number] : undefined;
    const { start, end } = field.content;
    if (inner === 'hole' && end - start >= MIN_HOLE_BYTES) reading.filled = Math.max(reading.filled, end);
    else if (inner === undefined || inner === 'hole') await fillTo(reading, end);
    else await readMessage(reading, { span: field.content, message: inner });
    at = end;
  }
}

function fieldAt({ file, end }: Span, start: number): Field | undefined {
  try {
    const { value } = fieldsOf({ file, start, end }).next();
    return value ?? undefined;
  } catch {
    return undefined; // Whoever parses the whole says what is wrong, and where.
  }
}

async function fillTo(reading: Reading, end: number): Promise<void> {
  const { handle, file } = reading;
  while (reading.filled < end) {
    const position = reading.filled;
    const length = Math.min(Math.max(end - position, READ_BYTES), file.length - position);
    const { bytesRead } = await handle.read(file, position, length, position);
    if (bytesRead === 0) throw new Error(`ends at ${position} of ${file.length} bytes`);
    reading.filled = position + bytesRead;
  }
}
