/** How long a gateway on this machine takes to make the model's input of a picture file: timed with the gateway's own decoder. */
import { systemClock } from '../clock.ts';
import { createCodec } from '../codec/codec.ts';
import { deflateNode } from '../codec/deflate-node.ts';
import { encodeImageFrame, type ImageDecoder } from '../codec/image-frame.ts';
import { timingOf } from '../profiler/measure.ts';
import type { Tensors } from '../tensor.ts';

const REPEATS = 5;
const MOST_CHANNELS = 4;

/** Median over the files; `null` where no gateway is installed here, or where the files are not this input's pictures. */
export async function pictureDecodeMs(
  files: readonly Uint8Array[],
  feeds: Tensors | undefined,
): Promise<number | null> {
  const dims = pictureDims(feeds);
  const imageDecoder = files.length > 0 && dims ? await gatewayDecoder() : undefined;
  if (!dims || !imageDecoder) return null;
  const codec = createCodec({ deflate: deflateNode(), imageDecoder });
  const clock = systemClock();
  const channels = dims[1] ?? 0;
  const [mean, std] = [Array(channels).fill(0), Array(channels).fill(1)];
  const ms: number[] = [];
  for (const bytes of files) {
    const frame = encodeImageFrame({ bytes, dims, mean, std });
    // The first time pays for code that has never run.
    for (let repeat = -1; repeat < REPEATS; repeat++) {
      const startMs = clock.nowMs();
      const isDecoded = await codec.decode(frame).then(
        () => true,
        () => false, // Of another size: the application makes its input of it in some other way.
      );
      if (!isDecoded) return null;
      if (repeat >= 0) ms.push(clock.nowMs() - startMs);
    }
  }
  return timingOf(ms).medianMs;
}

/** Of the one input that can be a picture. */
function pictureDims(feeds: Tensors = {}): readonly number[] | undefined {
  const [only, ...others] = Object.values(feeds);
  const isPicture =
    only?.type === 'float32' && only.dims.length === 4 && (only.dims[1] ?? 0) <= MOST_CHANNELS;
  return isPicture && others.length === 0 ? only.dims : undefined;
}

// The SDK does not depend on the gateway: where the two are installed side by side, the profile gains by it.
const GATEWAY = '@cutpoint/cloud-gateway';

async function gatewayDecoder(): Promise<ImageDecoder | undefined> {
  try {
    const gateway = (await import(GATEWAY)) as { createImageDecoder?(): ImageDecoder };
    return gateway.createImageDecoder?.();
  } catch {
    return undefined;
  }
}
