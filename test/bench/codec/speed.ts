/** Speed of the whole pipeline on one thread, in bytes of float32, beside a copy of the same bytes. */
import { createCodec } from '../../../sdk/src/codec/codec.ts';
import { deflateNode } from '../../../sdk/src/codec/deflate-node.ts';
import type { CalibratedTables } from '../../../sdk/src/codec/entropy/calibrated-tables.ts';
import { type Tensor, tensorBytes } from '../../../sdk/src/tensor.ts';
import { interleave } from '../statistics.ts';

export interface CutSpeed {
  readonly bytes: number;
  readonly encodeMs: number;
  readonly decodeMs: number;
  readonly copyMs: number;
}

const PROFILE = 'uint8+context';
const ROUNDS = 21;

export async function measureSpeed(tables: CalibratedTables, tensor: Tensor | undefined): Promise<CutSpeed> {
  if (tensor === undefined) throw new Error('no tensor to measure');
  const codec = createCodec({ deflate: deflateNode(), findTables: () => tables });
  const frame = await codec.encode(tensor, PROFILE, { tables });
  const from = tensorBytes(tensor);
  const to = new Uint8Array(from.length);
  const variants = {
    encodeMs: timed(() => codec.encode(tensor, PROFILE, { tables })),
    decodeMs: timed(() => codec.decode(frame)),
    copyMs: timed(async () => to.set(from)),
  };
  await interleave(variants, 5);
  const times = await interleave(variants, ROUNDS);
  return { bytes: from.length, ...(times as { encodeMs: number; decodeMs: number; copyMs: number }) };
}

/** Of all cuts together: bytes of all by the time for all. Megabytes are 10^6 bytes. */
export function addSpeeds(speeds: readonly CutSpeed[]): Record<string, number> {
  const sum = (of: (speed: CutSpeed) => number) => speeds.reduce((total, speed) => total + of(speed), 0);
  const bytes = sum((speed) => speed.bytes);
  return {
    encodeMBps: bytes / sum((speed) => speed.encodeMs) / 1000,
    decodeMBps: bytes / sum((speed) => speed.decodeMs) / 1000,
    memcpyMBps: bytes / sum((speed) => speed.copyMs) / 1000,
  };
}

function timed(work: () => Promise<unknown>): () => Promise<number> {
  return async () => {
    const startMs = performance.now();
    await work();
    return performance.now() - startMs;
  };
}
