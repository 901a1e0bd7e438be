/** Writes protobuf's wire format as a list of chunks: large payloads are kept by reference until the end. */
import { WIRE } from './wire-reader.ts';

// Smaller payloads are cheaper to copy than to keep as a chunk of their own.
const MIN_REFERENCE_BYTES = 1024;
const UTF8 = new TextEncoder();
const NO_BLOCK = new Uint8Array(0);

export class WireWriter {
  readonly #chunks: Uint8Array[] = [];
  #block: Uint8Array = NO_BLOCK;
  #used = 0;
  #length = 0;

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  int(field: number, value: number | bigint): this {
    return this.#tag(field, WIRE.varint).#varint(value);
  }

  float(field: number, value: number): this {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    return this.#tag(field, WIRE.fixed32).raw(bytes);
  }

  bytes(field: number, value: Uint8Array): this {
    return this.#tag(field, WIRE.bytes).#varint(value.length).raw(value);
  }

  text(field: number, value: string): this {
    return isAscii(value) ? this.#ascii(field, value) : this.bytes(field, UTF8.encode(value));
  }

  /** Names are short and plain nearly always; an encoder and a copy cost more than they do. */
  #ascii(field: number, value: string): this {
    this.#tag(field, WIRE.bytes).#varint(value.length).#reserve(value.length);
    for (let i = 0; i < value.length; i++) this.#block[this.#used++] = value.charCodeAt(i);
    this.#length += value.length;
    return this;
  }

  /** A nested message; `message` must not be written to afterwards. */
  message(field: number, message: WireWriter): this {
    this.#tag(field, WIRE.bytes).#varint(message.length);
    for (const chunk of message.chunks()) this.raw(chunk);
    return this;
  }

  /** Bytes as they are: whole fields copied from elsewhere. Kept by reference when large. */
  raw(bytes: Uint8Array): this {
    if (bytes.length >= MIN_REFERENCE_BYTES) {
      this.#flush();
      this.#chunks.push(bytes);
    } else {
      this.#reserve(bytes.length);
      this.#block.set(bytes, this.#used);
      this.#used += bytes.length;
    }
    this.#length += bytes.length;
    return this;
  }

  /** What was written, in order, without joining it. */
  chunks(): readonly Uint8Array[] {
    this.#flush();
    return this.#chunks;
  }

  /** What was written, as one array. */
  toBytes(): Uint8Array {
    const joined = new Uint8Array(this.#length);
    let at = 0;
    for (const chunk of this.chunks()) {
      joined.set(chunk, at);
      at += chunk.length;
    }
    return joined;
  }

  #tag(field: number, wire: number): this {
    return this.#varint(field * 8 + wire);
  }

  #varint(value: number | bigint): this {
    this.#reserve(10);
    const first = this.#used;
    if (typeof value === 'bigint' || value < 0) this.#bigVarint(BigInt.asUintN(64, BigInt(value)));
    else this.#smallVarint(value);
    this.#length += this.#used - first;
    return this;
  }

  #smallVarint(value: number): void {
    let rest = value;
    while (rest > 127) {
      this.#block[this.#used++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.#block[this.#used++] = rest;
  }

  #bigVarint(value: bigint): void {
    let rest = value;
    while (rest > 127n) {
      this.#block[this.#used++] = Number(rest & 127n) | 128;
      rest >>= 7n;
    }
    this.#block[this.#used++] = Number(rest);
  }

  /** A model is thousands of short messages: the first block of each is small. */
  #reserve(bytes: number): void {
    if (this.#used + bytes <= this.#block.length) return;
    this.#flush();
    this.#block = new Uint8Array(Math.max(bytes, this.#length === 0 ? 128 : 4096));
  }

  #flush(): void {
    if (this.#used > 0) this.#chunks.push(this.#block.subarray(0, this.#used));
    this.#block = NO_BLOCK;
    this.#used = 0;
  }
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return false;
  return true;
}
