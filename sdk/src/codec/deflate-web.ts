/** The Deflate adapter for pages: the browser's own compression streams, which work beside the thread that asks. */
import type { Deflate } from './entropy/deflate.ts';

export function deflateWeb(): Deflate {
  return {
    deflate: async (bytes) => join(await chunksOf(bytes, new CompressionStream('deflate-raw'))),
    async inflate(bytes, exactBytes) {
      const chunks = await chunksOf(bytes, new DecompressionStream('deflate-raw'), exactBytes);
      return join(chunks);
    },
  };
}

/** @param limitBytes more than this is a lie about the length, and is not gathered */
async function chunksOf(
  bytes: Uint8Array,
  { readable, writable }: CompressionStream | DecompressionStream,
  limitBytes: number = Number.POSITIVE_INFINITY,
): Promise<Uint8Array[]> {
  const writer = writable.getWriter();
  // Rejects when the other end does, which says so.
  const written = writer.write(bytes as Uint8Array<ArrayBuffer>).then(() => writer.close());
  written.catch(() => {});
  const reader = (readable as ReadableStream<Uint8Array>).getReader();
  const chunks: Uint8Array[] = [];
  for (let total = 0; ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    total += value.length;
    if (total > limitBytes) {
      await reader.cancel();
      throw new Error(`the stream holds more than ${limitBytes} bytes`);
    }
    chunks.push(value);
  }
  await written;
  return chunks;
}

function join(chunks: readonly Uint8Array[]): Uint8Array {
  const [only] = chunks;
  if (only && chunks.length === 1) return only;
  const all = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
