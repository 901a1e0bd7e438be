// However a stream is cut into chunks, the pictures in it are the same.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { splitPictures } from './frames.ts';

/** As ffmpeg's muxer writes it. */
function mpjpeg(pictures: readonly Uint8Array[]): Buffer {
  const parts = pictures.flatMap((picture) => [
    Buffer.from(`--ffmpeg\r\nContent-type: image/jpeg\r\nContent-length: ${picture.length}\r\n\r\n`),
    picture,
    Buffer.from('\r\n'),
  ]);
  return Buffer.concat(parts);
}

async function* chunksOf(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  for (let [at, turn] = [0, 0]; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

async function all(stream: AsyncIterable<Uint8Array>): Promise<Buffer[]> {
  const found = [];
  for await (const picture of splitPictures(stream)) found.push(Buffer.from(picture));
  return found;
}

const pictures = fc.array(fc.uint8Array({ minLength: 1, maxLength: 90 }), { maxLength: 5 });
const sizes = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 6 });

it('finds every picture, whatever is in it and wherever the chunks end', async () => {
  await fc.assert(
    fc.asyncProperty(pictures, sizes, async (given, cut) => {
      expect(await all(chunksOf(mpjpeg(given), cut))).toEqual(given.map((picture) => Buffer.from(picture)));
    }),
  );
});

it('says so when the last picture broke off, or the stream is none', async () => {
  const whole = mpjpeg([Uint8Array.of(1, 2, 3, 4)]);
  await expect(all(chunksOf(whole.subarray(0, -4), [7]))).rejects.toThrow('broke off');
  await expect(all(chunksOf(Buffer.from('HTTP/1.1 404\r\n\r\n'), [9]))).rejects.toThrow('how long');
});
