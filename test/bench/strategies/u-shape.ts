/**
 * A U on a trace of a minute: edge (a session), an emulated link, a gateway process. Whether the controller moves both cuts, and what
 * its requests take against every pair of cuts held fast, all of them played in turns in every second of the trace.
 */
import { readFileSync } from 'node:fs';
import type { SplitSession } from '@cutpoint/sdk/node';
import { readTrace } from '../../../sdk/src/adaptive/trace-file.ts';
import { candidateCuts, offeredCuts } from '../../../sdk/src/cut/candidates.ts';
import { createOrtNode } from '../../../sdk/src/runtime/ort-node.ts';
import { openModel } from '../../../sdk/src/session/open-model.ts';
import { memorySource } from '../../../sdk/src/source/memory.ts';
import type { Tensors } from '../../../sdk/src/tensor.ts';
import { hourglass, hourglassShape } from '../../support/models/hourglass.ts';
import { mobilenetV2 } from '../../support/models/mobilenet-v2.ts';
import { randomNumbers, randomTensor } from '../../support/models/random-weights.ts';
import { isU, startUWorld, type UWorld } from '../../support/u-world.ts';

export interface UNet {
  readonly name: string;
  make(): Uint8Array;
  readonly shape: readonly number[];
  /** Of the cuts that may be offered, those to play: every two of them are a pair. */
  chosen(cuts: ReturnType<typeof offeredCuts>): ReturnType<typeof offeredCuts>;
  readonly slowdown: number;
}

const SIDE = 160;

/** The bytes of an hourglass fall and rise again, so that both cuts have something to trade; a classifier's only fall. */
export const U_NETS: readonly UNet[] = [
  {
    ...{ name: 'hourglass', make: () => hourglass({ side: SIDE }), shape: hourglassShape(SIDE), slowdown: 4 },
    chosen(cuts) {
      const most = (cuts.at(-1)?.bytes ?? 0) / 16;
      const inner = cuts.filter(({ bytes }) => bytes !== null && bytes <= most);
      return [cuts[0], inner[0], inner.at(-1), cuts.at(-1)].filter((cut) => cut !== undefined);
    },
  },
  {
    ...{
      name: 'mobilenetV2',
      make: () => mobilenetV2.make({ scale: 1 }),
      shape: [1, 3, 224, 224],
      slowdown: 10,
    },
    chosen: (cuts) => cuts,
  },
];

export interface UFigures {
  readonly net: string;
  readonly requests: number;
  /** How often another first, or second, cut was used than by the request before that was sent. */
  readonly firstMoves: number;
  readonly secondMoves: number;
  /** Of the requests that the device answered alone, as a share. */
  readonly deviceShare: number;
  readonly meanMs: number;
  /** By arm, of those held fast. */
  readonly fixedMs: Readonly<Record<string, number>>;
  /** What the controller's requests take in times of the best pair, of the worst one, and of the device alone. */
  readonly overBest: number;
  readonly overWorst: number;
  readonly overDevice: number;
}

const SECONDS = 60;
/** The controller's, in each second of the trace; each fixed arm makes one. */
const REQUESTS = 3;
const ROUND_TRIP_MS = 10;
const LEAST_BITS_PER_SECOND = 5e4;
const PROFILE = 'uint8';

export async function measureU(net: UNet, progress: (text: string) => void): Promise<UFigures> {
  const model = net.make();
  const inputs = { input: net.shape };
  const world = await startUWorld({ model, inputs, ...(await cutsOf(net, model)) });
  try {
    const feeds = { input: randomTensor(randomNumbers(9), net.shape) };
    const options = { profiles: [PROFILE], emulatedSlowdown: net.slowdown };
    const fixed = await world.open({ ...options, fallback: 'none' });
    const adaptive = await world.open(options);
    for (const session of [fixed, adaptive])
      for (let i = 0; i < 3; i++) await session.run(feeds, { arm: 'device' });
    const scenes = scenesOf(fixed, fixed.lastTrace?.headMs ?? Number.NaN);
    return await play({ net, world, fixed, adaptive, feeds, scenes, progress });
  } finally {
    await world.close();
  }
}

async function cutsOf({ shape, chosen }: UNet, bytes: Uint8Array) {
  const runtime = await createOrtNode({ threads: 1 });
  try {
    const model = await openModel(memorySource(bytes), runtime, { inputShapes: { input: shape } });
    const offered = offeredCuts(model.cuts, model.graph);
    const cuts = chosen(offered);
    if (cuts.length === offered.length) return { maxCuts: 5 };
    const [own] = candidateCuts(model.cuts, model.graph, { limit: 1 });
    return { maxCuts: 1, cuts: cuts.map(({ id }) => id).filter((id) => id !== own?.id) };
  } finally {
    await runtime.close();
  }
}

/** One second of the trace. */
interface Scene {
  readonly uplink: { readonly bitsPerSecond: number; readonly delayMs: number };
  readonly downlink: Scene['uplink'];
  /** Of its processor that the gateway gets. */
  readonly share: number;
}

/**
 * A recorded link, each way at another time of it, eight times as fast every second quarter of a minute; the gateway is busy for
 * a while. At its mean rate the least that a pair sends takes a thirty-second of the device's own time.
 */
function scenesOf(session: SplitSession, wholeMs: number): readonly Scene[] {
  const samples = readTrace(
    readFileSync(new URL('../adaptive/traces/norway_train_13.txt', import.meta.url), 'utf8'),
  );
  const mean = samples.reduce((sum, { bitsPerSecond }) => sum + bitsPerSecond, 0) / samples.length;
  const least = Math.min(
    ...session.arms.filter(isU).map(({ cut, to }) => ((cut.bytes ?? 0) + (to.bytes ?? 0)) / 4),
  );
  const scale = (least * 8 * 1000 * 32) / wholeMs / mean;
  const rateAt = (second: number) => {
    const recorded = samples[second % samples.length]?.bitsPerSecond ?? mean;
    return Math.max(LEAST_BITS_PER_SECOND, recorded * scale * (second % 30 >= 15 ? 8 : 1));
  };
  return Array.from({ length: SECONDS }, (_, second) => ({
    uplink: { bitsPerSecond: rateAt(second), delayMs: ROUND_TRIP_MS / 2 },
    downlink: { bitsPerSecond: rateAt(second + 40), delayMs: ROUND_TRIP_MS / 2 },
    share: second >= 40 && second < 50 ? 0.4 : 1,
  }));
}

interface Play {
  readonly net: UNet;
  readonly world: UWorld;
  readonly fixed: SplitSession;
  readonly adaptive: SplitSession;
  readonly feeds: Tensors;
  readonly scenes: readonly Scene[];
  progress(text: string): void;
}

async function play({ net, world, fixed, adaptive, feeds, scenes, progress }: Play): Promise<UFigures> {
  const took = new Map<string, number[]>(fixed.arms.map(({ id }) => [id, []]));
  const own: { readonly arm: string; readonly ms: number }[] = [];
  const timed = async (session: SplitSession, options: object) => {
    const startMs = performance.now();
    await session.run(feeds, options);
    return performance.now() - startMs;
  };
  const controlled = async () => {
    for (let i = 0; i < REQUESTS; i++) {
      const ms = await timed(adaptive, {});
      own.push({ arm: adaptive.lastTrace?.arm ?? '', ms });
    }
  };
  const held = async () => {
    for (const [arm, list] of took) list.push(await timed(fixed, { arm }));
  };
  for (const [second, { uplink, downlink, share }] of scenes.entries()) {
    world.link.set({ uplink, downlink });
    world.gateway.set(share);
    for (const turn of second % 2 === 0 ? [controlled, held] : [held, controlled]) await turn();
    if (second % 10 === 9) progress(`${net.name}: second ${second + 1} of ${scenes.length}`);
  }
  return figuresOf(net, own, new Map([...took].map(([arm, list]) => [arm, mean(list)])), adaptive);
}

function figuresOf(
  { name }: UNet,
  own: readonly { readonly arm: string; readonly ms: number }[],
  fixedMs: ReadonlyMap<string, number>,
  { arms }: SplitSession,
): UFigures {
  const sent = own.flatMap(({ arm }) => arms.filter(isU).find(({ id }) => id === arm) ?? []);
  const moves = (end: 'cut' | 'to') =>
    sent.filter((arm, i) => i > 0 && arm[end].id !== sent[i - 1]?.[end].id).length;
  const meanMs = mean(own.map(({ ms }) => ms));
  const pairs = [...fixedMs].flatMap(([arm, ms]) => (arm === 'device' ? [] : [ms]));
  return {
    ...{ net: name, requests: own.length, firstMoves: moves('cut'), secondMoves: moves('to'), meanMs },
    deviceShare: own.filter(({ arm }) => arm === 'device').length / own.length,
    fixedMs: Object.fromEntries(fixedMs),
    overBest: meanMs / Math.min(...pairs),
    overWorst: meanMs / Math.max(...pairs),
    overDevice: meanMs / (fixedMs.get('device') ?? Number.NaN),
  };
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
