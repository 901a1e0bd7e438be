/**
 * Runs with feeds in memory that threads share. Native modules are given none of it by Node 20 and 22, whose refusal says
 * no more than "Invalid argument"; later versions do. So the first such run tries, and where it fails a copy tells why.
 */
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-common';
import type { Ort } from './ort-sessions.ts';

type OrtFeeds = Readonly<Record<string, OrtTensor>>;

export type RunSession = (
  session: InferenceSession,
  feeds: OrtFeeds,
  gives: readonly string[],
) => Promise<Readonly<Record<string, OrtTensor>>>;

export function createSessionRun(ort: Ort): RunSession {
  /** Unknown until the first run with such feeds. */
  let takesShared: boolean | undefined;

  return async (session, feeds, gives) => {
    const run = (taken: OrtFeeds) => session.run(taken, [...gives]);
    if (takesShared === true || !Object.values(feeds).some(isShared)) return await run(feeds);
    if (takesShared === undefined) {
      try {
        const results = await run(feeds);
        takesShared = true;
        return results;
      } catch {
        // Whether it was the memory or the run itself is seen by the run below, which throws what is to be thrown.
      }
    }
    const results = await run(unshared(ort, feeds));
    takesShared = false;
    return results;
  };
}

function unshared(ort: Ort, feeds: OrtFeeds): OrtFeeds {
  const copies: Record<string, OrtTensor> = Object.create(null);
  for (const [name, feed] of Object.entries(feeds)) copies[name] = isShared(feed) ? copyOf(ort, feed) : feed;
  return copies;
}

/** A slice is in memory of its own, whatever it was taken from. */
function copyOf(ort: Ort, { type, data, dims }: OrtTensor): OrtTensor {
  return new ort.Tensor(type, (data as Float32Array).slice() as never, dims) as OrtTensor;
}

function isShared({ data }: OrtTensor): boolean {
  return (
    ArrayBuffer.isView(data) && Object.prototype.toString.call(data.buffer) === '[object SharedArrayBuffer]'
  );
}
