/** One net of the paper suite: its profile, its plans, and what each arm takes in each cell, through the real programs. */
import { writeFile } from 'node:fs/promises';
import { createSplitSession, type SplitSession } from '@cutpoint/sdk/node';
import { createLink, type Link } from '@cutpoint/sdk/testing';
import { offeredCuts } from '../../../sdk/src/cut/candidates.ts';
import { predictStages, type StageTimes } from '../../../sdk/src/planner/cost-model.ts';
import { lineAt, msPerByte } from '../../../sdk/src/planner/envelope.ts';
import type { Plan } from '../../../sdk/src/planner/plan-file.ts';
import { createOrtNode } from '../../../sdk/src/runtime/ort-node.ts';
import { openModel, type SplitModel } from '../../../sdk/src/session/open-model.ts';
import { NO_STAGES } from '../../../sdk/src/session/trace.ts';
import { fileSource } from '../../../sdk/src/source/file.ts';
import {
  connectDevice,
  type GatewayProcess,
  type ModelFolder,
  makeModelFolder,
  startGatewayProcess,
} from '../../support/gateway-process.ts';
import { median } from '../statistics.ts';
import { type BaselinePicks, baselinePicks } from './baseline-picks.ts';
import type { Cell, MeasuredArm } from './cell-figures.ts';
import { type FreshPlans, openFreshPlans } from './fresh-plan.ts';
import { measureProfile } from './measure-profile.ts';
import type { PaperInput, PaperNet } from './nets.ts';
import { nodeTimes } from './node-times.ts';

export const EDGE_SLOWDOWNS: readonly number[] = [1, 4];
/** 3G, 4G and Wi-Fi of BottleNet's table, and two faster ones. */
export const UPLINKS: readonly number[] = [1.1e6, 5.85e6, 18.88e6, 50e6, 100e6];
export const DOWNLINK_BITS_PER_SECOND = 20e6;
/** Each way. */
export const DELAY_MS = 10;
const LINK = { roundTripMs: 2 * DELAY_MS, downlinkBitsPerSecond: DOWNLINK_BITS_PER_SECOND };
export const THREADS = 2;
const MAX_CUTS = 8;
/** Besides the pick, as many arms that the plan thinks nearly as good. */
const RUNNERS_UP = 2;

export type Progress = (text: string) => void;

export async function measureNet(net: PaperNet, progress: Progress): Promise<readonly Cell[]> {
  const input = await net.input();
  const inputs = Object.fromEntries(Object.entries(input.feeds).map(([name, { dims }]) => [name, dims]));
  const folder = await makeModelFolder({ net: { model: net.bytes(), inputs } });
  try {
    const bench = { net, input, folder, inputs, progress };
    const picks = await pickBaselines(bench);
    const cuts = [
      ...new Set(picks.flatMap(({ ids }) => ids.filter((id) => id !== 'input' && id !== 'device'))),
    ];
    progress(`${net.title}: profile, ${cuts.length} cuts of baselines besides`);
    const profile = await measureProfile({
      model: folder.model('net'),
      folder: folder.path,
      ...{ input, cuts },
      threads: THREADS,
      maxCuts: MAX_CUTS,
    });
    await writeFile(
      folder.model('net').replace('model.onnx', 'cutpoint.json'),
      JSON.stringify({ inputs, cuts }),
    );
    const plans = await openFreshPlans({
      path: folder.model('net'),
      feeds: input.feeds,
      threads: THREADS,
      maxCuts: MAX_CUTS,
      ...{ cuts, profile },
    });
    try {
      return await measureCells({ ...bench, plans, picks });
    } finally {
      await plans.close();
    }
  } finally {
    await folder.remove();
  }
}

interface Bench {
  readonly net: PaperNet;
  readonly input: PaperInput;
  readonly folder: ModelFolder;
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  readonly progress: Progress;
}

interface PickedCell {
  readonly edgeSlowdown: number;
  readonly uplinkBitsPerSecond: number;
  readonly picks: BaselinePicks;
  readonly ids: readonly string[];
}

async function pickBaselines({
  net,
  input,
  folder,
  inputs,
  progress,
}: Bench): Promise<readonly PickedCell[]> {
  const path = folder.model('net');
  const runtime = await createOrtNode({ threads: 1 });
  try {
    const model = await openModel(fileSource(path), runtime, { inputShapes: inputs });
    const nodeMs = await nodeTimes({ path, graph: model.graph, feeds: input.feeds, threads: THREADS });
    const cells = cellsOf(model, nodeMs);
    const replaced = cells.filter(({ picks }) => picks.isDadsReplaced).length;
    progress(
      `${net.title}: ${nodeMs.length} nodes; DADS wanted a cut that cannot be run in ${replaced} cells`,
    );
    return cells;
  } finally {
    await runtime.close();
  }
}

function cellsOf(model: SplitModel, nodeMs: Float64Array): readonly PickedCell[] {
  const cuts = offeredCuts(model.cuts, model.graph);
  return EDGE_SLOWDOWNS.flatMap((edgeSlowdown) =>
    UPLINKS.map((uplinkBitsPerSecond) => {
      const picks = baselinePicks({ model, nodeMs, cuts, edgeSlowdown, uplinkBitsPerSecond, ...LINK });
      const ids = [picks.Neurosurgeon, picks.DADS, picks['fixed mid cut']];
      return { edgeSlowdown, uplinkBitsPerSecond, picks, ids };
    }),
  );
}

interface PlannedBench extends Bench {
  readonly plans: FreshPlans;
  readonly picks: readonly PickedCell[];
}

async function measureCells(bench: PlannedBench): Promise<readonly Cell[]> {
  const { folder, picks, plans } = bench;
  const threads = ['--threads', String(THREADS), '--max-cuts', String(MAX_CUTS)];
  const gateway = await startGatewayProcess(['--models', folder.path, '--listen', '127.0.0.1:0', ...threads]);
  const link = await linkTo(gateway);
  const probe = await openProbe(link, gateway);
  const cells: Cell[] = [];
  try {
    for (const edgeSlowdown of EDGE_SLOWDOWNS) {
      const plan = await plans.plan({ edgeSlowdown, ...LINK });
      await using session = await openSession(bench, { link, plan, edgeSlowdown });
      const warmArms = new Set<string>();
      for (const picked of picks.filter((cell) => cell.edgeSlowdown === edgeSlowdown))
        cells.push(await measureCell(bench, { session, link, probe, picked, warmArms }));
    }
  } finally {
    await probe.close();
    await link.close();
    await gateway.kill('SIGTERM');
  }
  return cells;
}

function linkTo({ broker }: GatewayProcess): Promise<Link> {
  return createLink({
    targetPort: Number(new URL(broker).port),
    uplink: { bitsPerSecond: 100e6, delayMs: DELAY_MS },
    downlink: { bitsPerSecond: DOWNLINK_BITS_PER_SECOND, delayMs: DELAY_MS },
  });
}

interface Probe {
  /** Median of as good as empty messages on the idle link, as `cutpoint plan --rtt` wants it. */
  roundTripMs(): Promise<number>;
  close(): Promise<void>;
}

async function openProbe(link: Link, { gateway }: GatewayProcess): Promise<Probe> {
  const device = await connectDevice(`mqtt://127.0.0.1:${link.port}`);
  await device.client.waitForGateway('net', { deadlineMs: 10_000 });
  return {
    roundTripMs: async () => {
      const ms: number[] = [];
      for (let run = 0; run < 9; run++)
        ms.push((await device.client.probe(gateway, { bytes: 1, deadlineMs: 10_000 })).roundTripMs);
      return median(ms);
    },
    close: device.close,
  };
}

interface SessionSetting {
  readonly link: Link;
  readonly plan: Plan;
  readonly edgeSlowdown: number;
}

function openSession({ folder, inputs }: Bench, { link, plan, edgeSlowdown }: SessionSetting) {
  return createSplitSession(folder.model('net'), {
    broker: `mqtt://127.0.0.1:${link.port}`,
    model: 'net',
    deadlineMs: 600_000,
    connectTimeoutMs: 60_000,
    fallback: 'none',
    inputShapes: inputs,
    threads: THREADS,
    maxCuts: 32,
    plan,
    emulatedSlowdown: edgeSlowdown,
  });
}

interface CellSetting {
  readonly session: SplitSession;
  readonly link: Link;
  readonly probe: Probe;
  readonly picked: PickedCell;
  /** Arms that have run in this session. */
  readonly warmArms: Set<string>;
}

async function measureCell(bench: PlannedBench, setting: CellSetting): Promise<Cell> {
  const { link, probe, picked } = setting;
  const { edgeSlowdown, uplinkBitsPerSecond } = picked;
  link.set({ uplink: { bitsPerSecond: uplinkBitsPerSecond } });
  const roundTripMs = await probe.roundTripMs();
  const plan = await bench.plans.plan({ ...LINK, edgeSlowdown, roundTripMs });
  const x = msPerByte(uplinkBitsPerSecond);
  const now = { ...LINK, roundTripMs, uplinkBitsPerSecond, queueMs: 0, deviceSlowdown: 1, cloudSlowdown: 1 };
  const baselineIds = idsOfBaselines(plan, picked.picks);
  const ranked = plan.arms
    .map(({ id, name, kind, line, cost }) => {
      const predicted = kind === 'device' ? { ...NO_STAGES, headMs: cost.headMs } : predictStages(cost, now);
      return { id, name, predictedMs: lineAt(line, x), predicted };
    })
    .toSorted((a, b) => a.predictedMs - b.predictedMs);
  const best = ranked.slice(0, 1 + RUNNERS_UP).map(({ id }) => id);
  const wanted = new Set([...best, ...Object.values(baselineIds)]);
  const arms = await timeArms(
    bench,
    setting,
    ranked.filter(({ id }) => wanted.has(id)),
  );
  const cell: Cell = {
    model: bench.net.title,
    ...{ edgeSlowdown, uplinkBitsPerSecond, arms, baselineIds },
    pickId: best[0] ?? '',
  };
  bench.progress(cellText(cell));
  return cell;
}

function idsOfBaselines({ arms }: Plan, picks: BaselinePicks): Readonly<Record<string, string>> {
  const armOf = (place: string) => (place === 'device' ? place : `${place}/float32`);
  return {
    'edge only': 'device',
    'cloud raw': 'input/float32',
    ...(arms.some(({ id }) => id === 'input/image') && { 'cloud JPEG': 'input/image' }),
    Neurosurgeon: armOf(picks.Neurosurgeon),
    DADS: armOf(picks.DADS),
    'fixed mid cut': armOf(picks['fixed mid cut']),
  };
}

/** Short runs are repeated most; what takes long is mostly the link's time, which hardly differs. */
const BUDGET_MS = 1500;
const MOST_RUNS = 7;

/** Arms that are nearly as good as the best are run twice as often, to tell them apart. */
function runsOf(predictedMs: number, bestMs: number): number {
  if (predictedMs > 2 * BUDGET_MS) return 1;
  const runs = Math.min(MOST_RUNS, Math.max(2, Math.floor(BUDGET_MS / predictedMs)));
  return predictedMs < 1.1 * bestMs ? 2 * runs + 1 : runs;
}

/** Every round runs the arms once, in an order that turns round. An arm that is new to the session runs once uncounted. */
async function timeArms(
  { input }: Bench,
  { session, warmArms }: Pick<CellSetting, 'session' | 'warmArms'>,
  arms: readonly Omit<MeasuredArm, 'measuredMs' | 'measured'>[],
): Promise<readonly MeasuredArm[]> {
  const images = input.picture && { [input.picture.name]: input.picture.image };
  const runOnce = async (id: string): Promise<TimedRun> => {
    let stages: StageTimes = NO_STAGES;
    const startMs = performance.now();
    await session.run(input.feeds, {
      arm: armOf(session, id),
      onTrace: (trace) => {
        stages = trace;
      },
      ...(images && { images }),
    });
    return { totalMs: performance.now() - startMs, stages };
  };
  const jobs = arms.map((arm) => ({ ...arm, runs: [] as TimedRun[] }));
  const bestMs = Math.min(...arms.map(({ predictedMs }) => predictedMs));
  for (let round = 0; round <= 2 * MOST_RUNS; round++) {
    const due = jobs.filter(({ predictedMs }) => round < runsOf(predictedMs, bestMs));
    for (const { id, runs } of round % 2 === 0 ? due : due.toReversed()) {
      if (!warmArms.has(id)) await runOnce(id);
      warmArms.add(id);
      runs.push(await runOnce(id));
    }
  }
  return jobs.map(({ runs, ...arm }) => ({
    ...arm,
    measuredMs: median(runs.map(({ totalMs }) => totalMs)),
    measured: medianStages(runs),
  }));
}

interface TimedRun {
  readonly totalMs: number;
  readonly stages: StageTimes;
}

/** Each stage's own median: they need not add up to that of the totals. */
function medianStages(runs: readonly TimedRun[]): StageTimes {
  const names = Object.keys(NO_STAGES) as (keyof StageTimes)[];
  const medians = names.map((name) => [name, median(runs.map(({ stages }) => stages[name]))]);
  return Object.fromEntries(medians) as unknown as StageTimes;
}

/** A plan calls the arms of the input by that name, a session by the cut before the first node. */
function armOf({ arms }: SplitSession, id: string): string {
  const [place, profile] = id.split('/');
  if (place !== 'input') return id;
  const arm = arms.find((one) => one.kind === 'split' && one.cut.position === 0 && one.profile === profile);
  return arm?.id ?? id;
}

function cellText({ model, edgeSlowdown, uplinkBitsPerSecond, arms, pickId, baselineIds }: Cell): string {
  const names = Object.entries(baselineIds);
  const lines = arms.map(({ id, name, predictedMs, measuredMs }) => {
    const roles = names.flatMap(([name, own]) => (own === id ? [name] : []));
    const [predicted, measured] = [predictedMs, measuredMs].map((ms) => ms.toFixed(1).padStart(9));
    const error = `${((predictedMs / measuredMs - 1) * 100).toFixed(1)} %`.padStart(8);
    return `  ${predicted} ${measured} ${error}  ${name}${id === pickId ? ' <- plan' : ''}${roles.length > 0 ? ` (${roles.join(', ')})` : ''}`;
  });
  const head = `${model}, device x${edgeSlowdown}, ${uplinkBitsPerSecond / 1e6} Mbit/s: predicted, measured, error`;
  return [head, ...lines].join('\n');
}
