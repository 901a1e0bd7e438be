/**
 * Messages between two processes over a socket: a header and the buffers that belong to it, written without a copy and read
 * each into memory of its own. [u32 header bytes][u32 buffers][u32 bytes of each][header by node:v8][buffers]
 */
import type { Writable } from 'node:stream';
import { deserialize, serialize } from 'node:v8';

export interface FramedMessage {
  readonly header: unknown;
  readonly buffers: readonly Uint8Array[];
}

export interface OutgoingMessage {
  readonly header: unknown;
  /** Each in the pieces in which it lies; it is read as one. */
  readonly buffers: readonly (readonly Uint8Array[])[];
}

const WORD = 4;
const PREFIX_BYTES = 2 * WORD;

/** Buffers must stay as they are until the socket has taken them. */
export function writeMessage(socket: Writable, { header, buffers }: OutgoingMessage): void {
  const body = serialize(header);
  const prefix = Buffer.alloc(PREFIX_BYTES + WORD * buffers.length);
  prefix.writeUInt32LE(body.length, 0);
  prefix.writeUInt32LE(buffers.length, WORD);
  for (const [i, pieces] of buffers.entries()) {
    const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
    prefix.writeUInt32LE(bytes, PREFIX_BYTES + WORD * i);
  }
  socket.cork();
  socket.write(Buffer.concat([prefix, body]));
  for (const piece of buffers.flat()) if (piece.length > 0) socket.write(piece);
  socket.uncork();
}

/** Takes bytes as they come and gives whole messages; the bytes given may be used again at once. */
export function createMessageReader(receive: (message: FramedMessage) => void): (chunk: Uint8Array) => void {
  let stage: 'prefix' | 'sizes' | 'header' | 'buffers' = 'prefix';
  let target = new Uint8Array(PREFIX_BYTES);
  let filled = 0;
  let headerBytes = 0;
  let sizes: number[] = [];
  let header: unknown;
  let buffers: Uint8Array[] = [];

  function expect(next: typeof stage, bytes: number): void {
    stage = next;
    target = new Uint8Array(bytes);
    filled = 0;
  }

  function words(): number[] {
    const view = new DataView(target.buffer);
    return Array.from({ length: target.length / WORD }, (_, i) => view.getUint32(WORD * i, true));
  }

  /** What is whole now decides what comes next. */
  function step(): void {
    if (stage === 'prefix') {
      const [bytes = 0, count = 0] = words();
      headerBytes = bytes;
      expect('sizes', WORD * count);
    } else if (stage === 'sizes') {
      sizes = words();
      buffers = [];
      expect('header', headerBytes);
    } else if (stage === 'header') {
      header = deserialize(target);
      expect('buffers', sizes[0] ?? 0);
    } else if (buffers.length < sizes.length) {
      buffers.push(target);
      expect('buffers', sizes[buffers.length] ?? 0);
    }
  }

  return (chunk) => {
    let at = 0;
    do {
      const taken = Math.min(chunk.length - at, target.length - filled);
      target.set(chunk.subarray(at, at + taken), filled);
      filled += taken;
      at += taken;
      while (filled === target.length) {
        if (stage === 'buffers' && buffers.length === sizes.length) {
          const message = { header, buffers };
          expect('prefix', PREFIX_BYTES);
          receive(message);
          break;
        }
        step();
      }
    } while (at < chunk.length);
  };
}
