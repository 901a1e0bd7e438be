/** One net of the paper suite: its profile, its plans, and what each arm takes in each cell, through the real programs. */
import { writeFile } from 'node:fs/promises';
import { createSplitSession } from '@cutpoint/sdk/node';
import { createLink, type Link } from '@cutpoint/sdk/testing';
import { offeredCuts } from '../../../sdk/src/cut/candidates.ts';
import { transferMs } from '../../../sdk/src/planner/cost-model.ts';
import type { Plan } from '../../../sdk/src/planner/plan-file.ts';
import { createOrtNode } from '../../../sdk/src/runtime/ort-node.ts';
import { openModel, type SplitModel } from '../../../sdk/src/session/open-model.ts';
import { fileSource } from '../../../sdk/src/source/file.ts';
import type { NamedFrame } from '../../../sdk/src/transport/named-frames.ts';
import {
  connectDevice,
  type GatewayProcess,
  type ModelFolder,
  makeModelFolder,
  startGatewayProcess,
} from '../../support/gateway-process.ts';
import { type BaselinePicks, baselinePicks } from './baseline-picks.ts';
import type { Cell } from './cell-figures.ts';
import { type FreshPlans, openFreshPlans } from './fresh-plan.ts';
import {
  DELAY_MS,
  DOWNLINK_BITS_PER_SECOND,
  LINK,
  measureCell,
  type PickedCell,
  type Probe,
} from './measure-cell.ts';
import { measureProfile } from './measure-profile.ts';
import type { PaperInput, PaperNet } from './nets.ts';
import { nodeTimes } from './node-times.ts';
import { cellText } from './report.ts';

export const EDGE_SLOWDOWNS: readonly number[] = [1, 4];
/** 3G, 4G and Wi-Fi of BottleNet's table, and two faster ones. */
export const UPLINKS: readonly number[] = [1.1e6, 5.85e6, 18.88e6, 50e6, 100e6];
export const THREADS = 2;
const MAX_CUTS = 8;

export type Progress = (text: string) => void;

export async function measureNet(net: PaperNet, progress: Progress): Promise<readonly Cell[]> {
  const input = await net.input();
  const inputs = Object.fromEntries(Object.entries(input.feeds).map(([name, { dims }]) => [name, dims]));
  const folder = await makeModelFolder({ net: { model: net.bytes(), inputs } });
  try {
    const bench = { net, input, folder, inputs, progress };
    const picks = await pickBaselines(bench);
    const cuts = [...new Set(picks.flatMap((cell) => cutsOf(cell.picks)))];
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
      return { edgeSlowdown, uplinkBitsPerSecond, picks };
    }),
  );
}

function cutsOf(picks: BaselinePicks): readonly string[] {
  const places = [picks.Neurosurgeon, picks.DADS, picks['fixed mid cut']];
  return places.filter((id) => id !== 'input' && id !== 'device');
}

interface PlannedBench extends Bench {
  readonly plans: FreshPlans;
  readonly picks: readonly PickedCell[];
}

async function measureCells(bench: PlannedBench): Promise<readonly Cell[]> {
  const { net, input, folder, picks, plans, progress } = bench;
  const threads = ['--threads', String(THREADS), '--max-cuts', String(MAX_CUTS)];
  const gateway = await startGatewayProcess(['--models', folder.path, '--listen', '127.0.0.1:0', ...threads]);
  const link = await linkTo(gateway);
  const probe = await openProbe(link, gateway, plans);
  const cells: Cell[] = [];
  try {
    for (const edgeSlowdown of EDGE_SLOWDOWNS) {
      const plan = plans.plan([await plans.time()], { edgeSlowdown, ...LINK });
      await using session = await openSession(bench, { link, plan, edgeSlowdown });
      const tools = {
        net,
        input,
        plans,
        session,
        link,
        probe,
      };
      for (const picked of picks.filter((cell) => cell.edgeSlowdown === edgeSlowdown)) {
        const cell = await measureCell(tools, picked);
        progress(cellText(cell));
        cells.push(cell);
      }
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

/**
 * The round trip of an empty message, as `cutpoint plan --rtt` wants it, by the request that sends least: what is left of it
 * without its stages and the sending of its frames. A gateway takes a request more slowly than a ping.
 */
async function openProbe(link: Link, { gateway }: GatewayProcess, plans: FreshPlans): Promise<Probe> {
  const device = await connectDevice(`mqtt://127.0.0.1:${link.port}`);
  await device.client.waitForGateway('net', { deadlineMs: 10_000 });
  const request = await plans.leastRequest('net');
  const frameBytes = (frames: readonly NamedFrame[]) =>
    frames.reduce((sum, { frame }) => sum + frame.length, 0);
  return {
    roundTripMs: async (uplinkBitsPerSecond) => {
      const { timings, tensors } = await device.client.request(gateway, request, { deadlineMs: 60_000 });
      const { queueMs, decodeMs, tailMs, encodeMs } = timings;
      const sendMs = transferMs(frameBytes(request.tensors), uplinkBitsPerSecond);
      const backMs = transferMs(frameBytes(tensors), DOWNLINK_BITS_PER_SECOND);
      return timings.roundTripMs - queueMs - decodeMs - tailMs - encodeMs - sendMs - backMs;
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
