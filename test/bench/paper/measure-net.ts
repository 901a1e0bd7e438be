/** One net of the paper suite: its profile, its plans, and what each arm takes in each cell, through the real programs. */
import { writeFile } from 'node:fs/promises';
import { createSplitSession, type SplitSession } from '@cutpoint/sdk/node';
import { createLink, type Link } from '@cutpoint/sdk/testing';
import { offeredCuts } from '../../../sdk/src/cut/candidates.ts';
import { lineAt, msPerByte } from '../../../sdk/src/planner/envelope.ts';
import type { Plan } from '../../../sdk/src/planner/plan-file.ts';
import type { Profile } from '../../../sdk/src/planner/profile.ts';
import { createOrtNode } from '../../../sdk/src/runtime/ort-node.ts';
import { openModel, type SplitModel } from '../../../sdk/src/session/open-model.ts';
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
import { makePlanFile, measureProfile } from './cutpoint-files.ts';
import type { PaperInput, PaperNet } from './nets.ts';
import { nodeTimes } from './node-times.ts';

export const EDGE_SLOWDOWNS: readonly number[] = [1, 4];
/** 3G, 4G and Wi-Fi of BottleNet's table, and two faster ones. */
export const UPLINKS: readonly number[] = [1.1e6, 5.85e6, 18.88e6, 50e6, 100e6];
export const DOWNLINK_BITS_PER_SECOND = 20e6;
/** Each way. */
export const DELAY_MS = 10;
export const THREADS = 2;
const MAX_CUTS = 8;
/** Besides the pick, as many arms that the plan thinks nearly as good. */
const RUNNERS_UP = 3;

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
    return await measureCells({ ...bench, profile, picks });
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
      const link = { uplinkBitsPerSecond, downlinkBitsPerSecond: DOWNLINK_BITS_PER_SECOND };
      const picks = baselinePicks({ model, nodeMs, cuts, edgeSlowdown, ...link, roundTripMs: 2 * DELAY_MS });
      const ids = [picks.Neurosurgeon, picks.DADS, picks['fixed mid cut']];
      return { edgeSlowdown, uplinkBitsPerSecond, picks, ids };
    }),
  );
}

interface ProfiledBench extends Bench {
  readonly profile: Profile;
  readonly picks: readonly PickedCell[];
}

async function measureCells(bench: ProfiledBench): Promise<readonly Cell[]> {
  const { folder, picks, progress, net } = bench;
  const threads = ['--threads', String(THREADS), '--max-cuts', String(MAX_CUTS)];
  const gateway = await startGatewayProcess(['--models', folder.path, '--listen', '127.0.0.1:0', ...threads]);
  const link = await linkTo(gateway);
  const cells: Cell[] = [];
  try {
    const roundTripMs = await measureRoundTrip(link, gateway);
    progress(`${net.title}: round trip of an empty message ${roundTripMs.toFixed(1)} ms`);
    for (const edgeSlowdown of EDGE_SLOWDOWNS) {
      const plan = await planFor(bench, edgeSlowdown, roundTripMs);
      await using session = await openSession(bench, { link, plan, edgeSlowdown });
      await session.run(bench.input.feeds, { arm: 'device' });
      for (const picked of picks.filter((cell) => cell.edgeSlowdown === edgeSlowdown))
        cells.push(await measureCell(bench, { session, link, plan, picked }));
    }
  } finally {
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

/** Median of as good as empty messages on an idle link, as `cutpoint plan --rtt` wants it. */
async function measureRoundTrip(link: Link, { gateway }: GatewayProcess): Promise<number> {
  const device = await connectDevice(`mqtt://127.0.0.1:${link.port}`);
  try {
    await device.client.waitForGateway('net', { deadlineMs: 10_000 });
    const ms: number[] = [];
    for (let run = -3; run < 15; run++) {
      const { roundTripMs } = await device.client.probe(gateway, { bytes: 1, deadlineMs: 10_000 });
      if (run >= 0) ms.push(roundTripMs);
    }
    return median(ms);
  } finally {
    await device.close();
  }
}

function planFor(
  { folder, profile }: ProfiledBench,
  edgeSlowdown: number,
  roundTripMs: number,
): Promise<Plan> {
  return makePlanFile({
    model: folder.model('net'),
    folder: folder.path,
    ...{ profile, edgeSlowdown, roundTripMs },
    downlinkBitsPerSecond: DOWNLINK_BITS_PER_SECOND,
  });
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
  readonly plan: Plan;
  readonly picked: PickedCell;
}

async function measureCell(bench: Bench, { session, link, plan, picked }: CellSetting): Promise<Cell> {
  const { edgeSlowdown, uplinkBitsPerSecond } = picked;
  link.set({ uplink: { bitsPerSecond: uplinkBitsPerSecond } });
  const x = msPerByte(uplinkBitsPerSecond);
  const baselineIds = idsOfBaselines(plan, picked.picks);
  const ranked = plan.arms
    .map(({ id, line }) => ({ id, predictedMs: lineAt(line, x) }))
    .toSorted((a, b) => a.predictedMs - b.predictedMs);
  const best = ranked.slice(0, 1 + RUNNERS_UP).map(({ id }) => id);
  const wanted = new Set([...best, ...Object.values(baselineIds)]);
  const arms = await timeArms(
    bench,
    session,
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

/** Long runs are the link's, and hardly differ; short ones are repeated more. */
const BUDGET_MS = 4000;
const [LEAST_RUNS, MOST_RUNS] = [2, 11];

/** Every round runs the arms once, in an order that turns round; the first run of each is not counted. */
async function timeArms(
  { input }: Bench,
  session: SplitSession,
  arms: readonly Pick<MeasuredArm, 'id' | 'predictedMs'>[],
): Promise<readonly MeasuredArm[]> {
  const jobs = arms.map((arm) => {
    const runs = Math.min(MOST_RUNS, Math.max(LEAST_RUNS, Math.floor(BUDGET_MS / arm.predictedMs)));
    return { ...arm, runs, ms: [] as number[] };
  });
  const images = input.picture && { [input.picture.name]: input.picture.image };
  for (let round = 0; round <= MOST_RUNS; round++) {
    const due = jobs.filter(({ runs }) => round <= runs);
    for (const job of round % 2 === 0 ? due : due.toReversed()) {
      const startMs = performance.now();
      await session.run(input.feeds, { arm: armOf(session, job.id), ...(images && { images }) });
      if (round > 0) job.ms.push(performance.now() - startMs);
    }
  }
  return jobs.map(({ id, predictedMs, ms }) => ({ id, predictedMs, measuredMs: median(ms) }));
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
  const lines = arms.map(({ id, predictedMs, measuredMs }) => {
    const roles = names.flatMap(([name, own]) => (own === id ? [name] : []));
    const [predicted, measured] = [predictedMs, measuredMs].map((ms) => ms.toFixed(1).padStart(9));
    const error = `${((predictedMs / measuredMs - 1) * 100).toFixed(1)} %`.padStart(8);
    return `  ${predicted} ${measured} ${error}  ${id}${id === pickId ? ' <- plan' : ''}${roles.length > 0 ? ` (${roles.join(', ')})` : ''}`;
  });
  const head = `${model}, device x${edgeSlowdown}, ${uplinkBitsPerSecond / 1e6} Mbit/s: predicted, measured, error`;
  return [head, ...lines].join('\n');
}
