/**
 * The simulator against the real thing: Mosquitto, gateway and edge as processes, three recorded links played for real on
 * the emulated link, and the same plan on the same links in the simulator; and a stream of frames through a real session.
 * Takes five minutes: the links take their time.
 */
import { controllerPolicy } from '../../../../sdk/src/adaptive/rivals.ts';
import { simulate } from '../../../../sdk/src/adaptive/simulate.ts';
import { playedArms } from '../../../../sdk/src/adaptive/simulated-plan.ts';
import type { TraceSample } from '../../../../sdk/src/adaptive/trace-file.ts';
import { createTraceLink } from '../../../../sdk/src/adaptive/trace-link.ts';
import { createLink, type Link } from '../../../../sdk/src/testing/link.ts';
import type { Suite } from '../../main.ts';
import { recordedShapes } from '../cases.ts';
import { EVERY_MS, meanMs } from '../plays.ts';
import { scaleTo } from '../scaling.ts';
import type { Shape } from '../scenes.ts';
import { type Bed, DOWNLINK_BITS_PER_SECOND, makeBed, ROUND_TRIP_MS } from './bed.ts';
import { type EdgeRequest, playOnEdge } from './edge-process.ts';
import { pipelineShare } from './pipeline.ts';

const TRACES = ['norway_bus_1', 'norway_tram_20', 'oboe_trace_100'];
const DURATION_MS = 80_000;
/** The emulator's least. */
const LEAST_BITS_PER_SECOND = 1e3;

export const realSuite: Suite = {
  async run(progress) {
    const bed = await makeBed(progress);
    try {
      const figures: Record<string, number> = {};
      const errors: number[] = [];
      for (const shape of recordedShapes().filter(({ name }) => TRACES.includes(name))) {
        const { realMs, simulatedMs } = await compare(bed, shape, progress);
        errors.push(Math.abs(simulatedMs / realMs - 1));
        Object.assign(figures, {
          [`${shape.name}RealMs`]: realMs,
          [`${shape.name}SimulatedMs`]: simulatedMs,
        });
      }
      const share = await pipelineShare(bed, progress);
      return { simulatorError: Math.max(...errors), pipelineShare: share, ...figures };
    } finally {
      await bed.close();
    }
  },
};

async function compare(bed: Bed, shape: Shape, progress: (text: string) => void) {
  const samples = scaledSamples(bed, shape);
  const simulated = simulate({
    arms: playedArms(bed.plan),
    world: {
      uplink: createTraceLink(samples),
      roundTripMs: ROUND_TRIP_MS,
      downlinkBitsPerSecond: DOWNLINK_BITS_PER_SECOND,
    },
    ...{ policy: controllerPolicy(bed.plan.link), durationMs: DURATION_MS, everyMs: EVERY_MS },
  });
  const requests = await playForReal(bed, samples);
  const realMs = requests.reduce((sum, { waitedMs }) => sum + waitedMs, 0) / requests.length;
  const simulatedMs = meanMs(simulated);
  progress(
    `${shape.name.padEnd(16)} real ${realMs.toFixed(1)} ms (${requests.length} requests, ${arms(requests)}), simulated ${simulatedMs.toFixed(1)} ms (${simulated.length}): ${((simulatedMs / realMs - 1) * 100).toFixed(1)} %`,
  );
  return { realMs, simulatedMs };
}

/** The first part of the trace, scaled so that two arms are each the oracle's choice for a fifth. */
function scaledSamples(bed: Bed, { samples, ...shape }: Shape): readonly TraceSample[] {
  const startMs = samples[0]?.atMs ?? 0;
  const part = samples
    .map(({ atMs, bitsPerSecond }) => ({ atMs: atMs - startMs, bitsPerSecond }))
    .filter(({ atMs }) => atMs <= DURATION_MS);
  const factor = scaleTo(bed.plan, { ...shape, samples: part })?.factor ?? 1;
  return part.map(({ atMs, bitsPerSecond }) => ({
    atMs,
    bitsPerSecond: Math.max(LEAST_BITS_PER_SECOND, bitsPerSecond * factor),
  }));
}

async function playForReal(bed: Bed, samples: readonly TraceSample[]): Promise<readonly EdgeRequest[]> {
  const oneWay = { delayMs: ROUND_TRIP_MS / 2 };
  const first = { bitsPerSecond: samples[0]?.bitsPerSecond ?? 1e6, ...oneWay };
  const link = await createLink({
    targetPort: bed.brokerPort,
    uplink: first,
    downlink: { bitsPerSecond: DOWNLINK_BITS_PER_SECOND, ...oneWay },
  });
  const playing = new AbortController();
  try {
    const broker = `mqtt://127.0.0.1:${link.port}`;
    const settings = {
      files: bed.files,
      broker,
      model: bed.modelName,
      everyMs: EVERY_MS,
      durationMs: DURATION_MS,
    };
    return await playOnEdge(settings, () => playTrace(link, samples, playing.signal));
  } finally {
    playing.abort();
    await link.close();
  }
}

function playTrace(link: Link, samples: readonly TraceSample[], signal: AbortSignal): void {
  const timers = samples.map(({ atMs, bitsPerSecond }) =>
    setTimeout(() => link.set({ uplink: { bitsPerSecond } }), atMs),
  );
  signal.addEventListener('abort', () => {
    for (const timer of timers) clearTimeout(timer);
  });
}

function arms(requests: readonly EdgeRequest[]): string {
  const counts = new Map<string, number>();
  for (const { cut, fallback } of requests) {
    const name = fallback ? 'finished by the device' : cut;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts].map(([name, count]) => `${count} ${name}`).join(', ');
}
