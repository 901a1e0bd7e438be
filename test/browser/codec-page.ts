/** The codec as a page runs it, for tests and benchmarks: they pass tensors and frames in and out as arrays of bytes. */
import { type Codec, type CodecProfile, createCodec } from '../../sdk/src/codec/codec.ts';
import {
  type CalibratedTables,
  readCalibratedTables,
} from '../../sdk/src/codec/entropy/calibrated-tables.ts';
import type { Deflate } from '../../sdk/src/codec/entropy/deflate.ts';
import { loadKernels } from '../../sdk/src/codec/kernels/wasm.ts';
import { type Tensor, tensorBytes, tensorFromBytes } from '../../sdk/src/tensor.ts';

/** Where the page keeps this module (source-server.ts). */
export interface CodecPage {
  readonly pageModule: typeof import('./codec-page.ts');
}

export interface PageTensor {
  readonly type: Tensor['type'];
  readonly dims: readonly number[];
  readonly base64: string;
}

export interface PageSpeed {
  readonly encodeMs: number;
  readonly decodeMs: number;
}

export async function kernelsName(): Promise<string> {
  return (await loadKernels()).name;
}

/** Frames of a sequence, each of which builds on the one before. */
export async function encodeSequence(
  tensors: readonly PageTensor[],
  profile: CodecProfile,
): Promise<string[]> {
  const codec = makeCodec();
  let reference: Awaited<ReturnType<Codec['encodeNext']>>['reference'] | undefined;
  const frames: string[] = [];
  for (const tensor of tensors) {
    const next = await codec.encodeNext(fromPage(tensor), profile, { reference });
    reference = next.reference;
    frames.push(toBase64(next.frame));
  }
  return frames;
}

export async function encode(tensor: PageTensor, profile: CodecProfile): Promise<string> {
  return toBase64(await makeCodec().encode(fromPage(tensor), profile));
}

export async function decode(frame: string): Promise<PageTensor> {
  const tensor = await makeCodec().decode(fromBase64(frame));
  return { type: tensor.type, dims: tensor.dims, base64: toBase64(tensorBytes(tensor)) };
}

/** Means over `runs`, after as many to warm up: a page's clock is too coarse for one. */
export async function measure(
  tensor: PageTensor,
  {
    profile,
    runs,
    tables,
  }: { readonly profile: CodecProfile; readonly runs: number; readonly tables?: string },
): Promise<PageSpeed> {
  const made = tables === undefined ? undefined : readCalibratedTables(fromBase64(tables));
  return measureHere(fromPage(tensor), { profile, runs, ...(made && { tables: made }) });
}

/** Also called in Node, for the other half of the comparison. */
export async function measureHere(
  tensor: Tensor,
  {
    profile,
    runs,
    tables,
  }: { readonly profile: CodecProfile; readonly runs: number; readonly tables?: CalibratedTables },
): Promise<PageSpeed> {
  const codec = createCodec({ deflate: streamDeflate(), ...(tables && { findTables: () => tables }) });
  const options = tables && { tables };
  const frame = await codec.encode(tensor, profile, options);
  await meanMs(runs, () => codec.encode(tensor, profile, options));
  await meanMs(runs, () => codec.decode(frame));
  return {
    encodeMs: await meanMs(runs, () => codec.encode(tensor, profile, options)),
    decodeMs: await meanMs(runs, () => codec.decode(frame)),
  };
}

async function meanMs(runs: number, work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  for (let run = 0; run < runs; run++) await work();
  return (performance.now() - startMs) / runs;
}

function makeCodec(): Codec {
  return createCodec({ deflate: streamDeflate() });
}

/** What browsers and Node have alike. */
function streamDeflate(): Deflate {
  const through = async (bytes: Uint8Array, stream: CompressionStream | DecompressionStream) => {
    const body = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(stream);
    return new Uint8Array(await new Response(body).arrayBuffer());
  };
  return {
    deflate: (bytes) => through(bytes, new CompressionStream('deflate-raw')),
    inflate: (bytes) => through(bytes, new DecompressionStream('deflate-raw')),
  };
}

function fromPage({ type, dims, base64 }: PageTensor): Tensor {
  return tensorFromBytes(type, dims, fromBase64(base64));
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
