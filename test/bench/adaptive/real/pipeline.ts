/**
 * A stream of frames through a real session: what comes out a second, to what the slowest stage alone would let through. The
 * stages are the model and the codec on the device, the uplink by its rate, and the gateway's work.
 */
import { readFile } from 'node:fs/promises';
import { createSplitSession, type SplitSession, type Trace } from '../../../../sdk/src/node.ts';
import type { SplitArm } from '../../../../sdk/src/planner/arm.ts';
import { createLink } from '../../../../sdk/src/testing/link.ts';
import { type Bed, DOWNLINK_BITS_PER_SECOND, ROUND_TRIP_MS } from './bed.ts';

const FRAMES = 30;
/** The first ones fill the pipe; when the last ones are in it, it drains, for those in flight share the link. */
const FILLING = 8;
const IN_FLIGHT = 6;

interface Stream {
  readonly name: string;
  readonly bitsPerSecond: number;
  pick(arms: readonly SplitArm[]): SplitArm | undefined;
}

/** One whose device is the slowest, and one whose uplink is. */
const STREAMS: readonly Stream[] = [
  { name: 'device', bitsPerSecond: 8e6, pick: (arms) => byDepth(arms).at(-1) },
  { name: 'uplink', bitsPerSecond: 1e6, pick: (arms) => byDepth(arms).at(0) },
];
const byDepth = (arms: readonly SplitArm[]) => arms.toSorted((a, b) => a.cut.depth - b.cut.depth);

/** @returns share of the slowest stage's throughput that the stream reached, the worse of both */
export async function pipelineShare(bed: Bed, progress: (text: string) => void): Promise<number> {
  const oneWay = { delayMs: ROUND_TRIP_MS / 2 };
  const link = await createLink({
    targetPort: bed.brokerPort,
    uplink: { bitsPerSecond: 8e6, ...oneWay },
    downlink: { bitsPerSecond: DOWNLINK_BITS_PER_SECOND, ...oneWay },
  });
  const { files, modelName } = bed;
  const session = await createSplitSession(files.model, {
    ...{ broker: `mqtt://127.0.0.1:${link.port}`, model: modelName, plan: files.plan, threads: 1 },
    ...{ deadlineMs: 60_000, queue: { inFlight: IN_FLIGHT, maxQueuedCount: FRAMES, maxAgeMs: 600_000 } },
    inputShapes: { [files.inputName]: files.dims },
    emulatedSlowdown: files.slowdown,
  });
  try {
    const shares: number[] = [];
    for (const { name, bitsPerSecond, pick } of STREAMS) {
      link.set({ uplink: { bitsPerSecond } });
      const inner = session.arms.flatMap((arm) =>
        arm.kind === 'split' && arm.cut.position > 0 ? [arm] : [],
      );
      const arm = pick(inner)?.id;
      if (arm === undefined) throw new Error('the plan has no cut');
      const { intervalMs, slowestMs } = await stream(session, bed, { arm, bitsPerSecond });
      shares.push(slowestMs / intervalMs);
      progress(
        `stream, ${name} slowest: a frame each ${intervalMs.toFixed(1)} ms, the slowest stage ${slowestMs.toFixed(1)} ms`,
      );
    }
    return Math.min(...shares);
  } finally {
    await session.release();
    await link.close();
  }
}

async function stream(
  session: SplitSession,
  { files }: Bed,
  { arm, bitsPerSecond }: { readonly arm: string; readonly bitsPerSecond: number },
) {
  const bytes = await readFile(files.input);
  const data = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const feeds = { [files.inputName]: { type: 'float32' as const, data, dims: files.dims } };
  await session.run(feeds, { arm });
  const answers: { atMs: number; trace: Trace }[] = [];
  const onTrace = (trace: Trace) => answers.push({ atMs: performance.now(), trace });
  await Promise.all(Array.from({ length: FRAMES }, () => session.run(feeds, { arm, onTrace })));
  const full = answers.slice(FILLING, FRAMES - IN_FLIGHT);
  const [first, last] = [full[0]?.atMs ?? 0, full.at(-1)?.atMs ?? 0];
  const mean = (of: (trace: Trace) => number) =>
    full.reduce((sum, { trace }) => sum + of(trace), 0) / full.length;
  const stages = [
    mean(({ headMs }) => headMs),
    mean(({ encodeMs, decodeMs }) => encodeMs + decodeMs),
    mean(({ sentBytes }) => (sentBytes * 8000) / bitsPerSecond),
    mean(({ tailMs }) => tailMs),
  ];
  return { intervalMs: (last - first) / (full.length - 1), slowestMs: Math.max(...stages) };
}
