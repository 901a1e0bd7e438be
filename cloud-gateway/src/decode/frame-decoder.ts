/** The port for decoding frames: on this thread, or on threads of their own while others run (decode-pool.ts). */
import { type DecodedFrame, decodeFrames, type FrameMeans, type FramesToDecode } from './request-frames.ts';

export interface FrameDecoder {
  /** @throws SplitError as decodeFrames */
  decode(frames: FramesToDecode): Promise<readonly DecodedFrame[]>;
  /** Safe to call twice. */
  close(): Promise<void>;
}

export function createInlineDecoder(means: FrameMeans): FrameDecoder {
  return { decode: (frames) => decodeFrames(means, frames), close: async () => {} };
}
