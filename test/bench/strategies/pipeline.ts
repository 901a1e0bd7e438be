/**
 * A pipeline of three processes (edge, fog gateway, cloud gateway) at one broker: how often a full one answers, against how long
 * its slowest stage takes for a request.
 */
import type { SplitArm, SplitSession, Trace } from '@cutpoint/sdk/node';
import type { Tensors } from '../../../sdk/src/tensor.ts';
import { compareOutputs } from '../../../sdk/src/verify/compare.ts';
import type { Architecture } from '../../support/models/architecture.ts';
import { architectureFeeds, architectureShapes } from '../../support/models/architecture-feeds.ts';
import { ARCHITECTURES } from '../../support/models/architectures.ts';
import { startPipeline } from '../../support/pipeline-world.ts';
import { runWholeModel } from '../../support/whole-model.ts';
import { median } from '../statistics.ts';

export const PIPELINED_MODELS: readonly Architecture[] = ['ResNet-50', 'BERT-base'].map(
  (name) => ARCHITECTURES.find((one) => one.name === name) as Architecture,
);

export interface PipelineFigures {
  readonly model: string;
  readonly arm: string;
  /** What each stage works for one request, in milliseconds: by itself, */
  readonly aloneMs: readonly number[];
  /** and while all of them work. */
  readonly loadedMs: readonly number[];
  readonly requestsPerSecond: number;
  /** Of what the slowest stage could do as it ran under load. */
  readonly share: number;
  /** Of what the slowest stage could do by itself, on a machine that nobody shares. */
  readonly shareOfAlone: number;
  /** Relative to the largest value of the whole model's output, activations travelling as float32. */
  readonly difference: number;
}

export interface PipelineBenchOptions {
  /** @default 1, the real width */
  readonly scale?: number;
  /** Requests of which the throughput is taken. */
  readonly requests: number;
}

/** Requests under way: one for each stage and one on the way between. */
const IN_FLIGHT = 5;
const LOOKS = 5;
/** With fewer processors than processes, the slowest stage must leave the others time on what is left. */
const LEAST_SLOWEST_SHARE = 0.52;

export async function measurePipeline(
  architecture: Architecture,
  { scale = 1, requests }: PipelineBenchOptions,
): Promise<PipelineFigures> {
  const { name } = architecture;
  const inputs = architectureShapes(architecture, { scale });
  const feeds = architectureFeeds(architecture, { scale });
  const world = await startPipeline({
    ...{ models: { [name]: { model: architecture.make({ scale }), inputs } }, maxCuts: 8 },
    ...{ fogs: ['fog'], clouds: ['cloud'], further: ['--max-batch', '1'] },
  });
  try {
    const options = { stages: [['fog'], ['cloud']], profiles: ['uint8', 'float32'], deadlineMs: 60_000 };
    const session = await world.open(name, options);
    await session.run(feeds);
    const run = async (arm: string) => {
      let trace: Trace | undefined;
      const outputs = await session.run(feeds, { arm, onTrace: (of) => (trace = of) });
      return { outputs: outputs as unknown as Tensors, stagesMs: stagesOf(trace) };
    };
    const arm = await balancedArm(session, run);
    const expected = await runWholeModel(world.folder.model(name), { feeds, fetches: session.outputNames });
    const { outputs } = await run(arm.replace(/\/.*$/, '/float32'));
    const difference = compareOutputs(outputs, expected, session.outputNames).relative;
    const alone = await repeat(LOOKS, () => run(arm));
    await underLoad(IN_FLIGHT, IN_FLIGHT, () => run(arm));
    const startMs = performance.now();
    const loaded = await underLoad(requests, IN_FLIGHT, () => run(arm));
    const requestsPerSecond = (1000 * requests) / (performance.now() - startMs);
    const [aloneMs, loadedMs] = [alone, loaded].map((runs) => medians(runs.map(({ stagesMs }) => stagesMs)));
    const shareOf = (stagesMs: readonly number[] = []) => (requestsPerSecond * Math.max(...stagesMs)) / 1000;
    return {
      ...{ model: name, arm, aloneMs: aloneMs ?? [], loadedMs: loadedMs ?? [], requestsPerSecond },
      ...{ share: shareOf(loadedMs), shareOfAlone: shareOf(aloneMs), difference },
    };
  } finally {
    await world.close();
  }
}

type Run = (arm: string) => Promise<{ readonly stagesMs: readonly number[] }>;

/** The parts whose slowest stage is quickest, of those that two processors can work on at a time. */
async function balancedArm(session: SplitSession, run: Run): Promise<string> {
  const isCandidate = (arm: SplitSession['arms'][number]): arm is SplitArm =>
    arm.kind === 'split' && arm.via !== undefined && arm.profile === 'uint8' && arm.cut.position > 0;
  let best: { readonly arm: string; readonly slowestMs: number; readonly share: number } | undefined;
  for (const { id: arm } of session.arms.filter(isCandidate)) {
    const stagesMs = medians((await repeat(2, () => run(arm))).map((one) => one.stagesMs));
    const slowestMs = Math.max(...stagesMs);
    const share = slowestMs / stagesMs.reduce((sum, ms) => sum + ms, 0);
    const isBetter =
      best === undefined ||
      (share >= LEAST_SLOWEST_SHARE && (best.share < LEAST_SLOWEST_SHARE || slowestMs < best.slowestMs));
    if (isBetter) best = { arm, slowestMs, share };
  }
  if (best === undefined) throw new Error('there is no pipeline to measure');
  return best.arm;
}

/** What edge, fog and cloud work, without waiting in a queue or for each other. */
function stagesOf(trace: Trace | undefined): readonly number[] {
  const [cloud] = trace?.stages ?? [];
  if (trace === undefined || cloud === undefined) throw new Error('the request was not handed on');
  return [
    trace.headMs + trace.encodeMs + trace.decodeMs,
    trace.tailMs - cloud.elapsedMs,
    cloud.decodeMs + cloud.tailMs + cloud.encodeMs,
  ];
}

function medians(runs: readonly (readonly number[])[]): number[] {
  return [0, 1, 2].map((stage) => median(runs.map((run) => run[stage] ?? Number.NaN)));
}

async function repeat<T>(count: number, work: () => Promise<T>): Promise<T[]> {
  const done: T[] = [];
  for (let i = 0; i < count; i++) done.push(await work());
  return done;
}

async function underLoad<T>(count: number, lanes: number, work: () => Promise<T>): Promise<T[]> {
  const done: T[] = [];
  let begun = 0;
  const lane = async () => {
    while (begun++ < count) done.push(await work());
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return done;
}
