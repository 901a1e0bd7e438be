/** Calibration: one run on the device that learns what every arm costs here, from the caller's own input. */
import type { Cut } from '../cut/cut.ts';
import type { DeviceArm, SplitArm } from '../planner/arm.ts';
import type { Tensors } from '../tensor.ts';
import { type AnnouncedModel, INPUT_END, rangeMs } from '../transport/request-client.ts';
import { encodeFrontier, hasImages } from './frontier-frames.ts';
import { isHead } from './head-rules.ts';
import type { ResolvedOptions } from './options.ts';
import type { SessionParts } from './parts.ts';
import type { RunArguments } from './run-arguments.ts';
import { profileBack, tailFetches } from './run-head.ts';
import { type Answer, signalOf } from './run-local.ts';
import { makeTrace, NO_STAGES } from './trace.ts';

/** Runs the whole model segment by segment, encodes what crosses each cut, and gives the controller the costs. */
export async function calibrate(parts: SessionParts, args: RunArguments, device: DeviceArm): Promise<Answer> {
  const run = await runCrossing(parts, args, { fetches: args.fetches });
  const segmentMs = run.value.segmentMs.map((ms) => ms * parts.options.emulatedSlowdown);
  const wholeMs = sum(segmentMs);
  parts.controller.setCost(device, { ...FREE, headMs: wholeMs });
  const outputs = Object.fromEntries(args.fetches.map((name) => [name, run.value.values[name]])) as Tensors;
  await learnArms(parts, args, { values: { ...args.feeds, ...run.value.values }, segmentMs });
  return { outputs, trace: makeTrace(device, { ...NO_STAGES, headMs: wholeMs }, { totalMs: run.elapsedMs }) };
}

/** The same where only the head is here: up to its deepest cut, and what comes back is for the answers to show. */
export async function calibrateHead(parts: SessionParts, args: RunArguments): Promise<void> {
  const run = await runCrossing(parts, args, { fetches: [], to: parts.executor.cuts.at(-1) });
  const segmentMs = run.value.segmentMs.map((ms) => ms * parts.options.emulatedSlowdown);
  const values = { ...args.feeds, ...run.value.values };
  await learnArms(parts, args, { values, segmentMs });
}

/** One run that gives what crosses every cut. */
function runCrossing(
  { executor, pace }: SessionParts,
  args: RunArguments,
  { fetches, to }: { readonly fetches: readonly string[]; readonly to?: Cut | undefined },
) {
  const crossing = executor.cuts.flatMap(({ tensors }) => tensors.map(({ name }) => name));
  const all = [...new Set([...fetches, ...crossing])];
  const run = () => executor.run({ to, feeds: args.feeds, fetches: all, ...signalOf(args.options) });
  return pace.stage('model', run, args.options.signal);
}

interface Measured {
  readonly values: Tensors;
  readonly segmentMs: readonly number[];
}

async function learnArms(
  parts: SessionParts,
  args: RunArguments,
  { values, segmentMs }: Measured,
): Promise<void> {
  const { controller, options } = parts;
  const wholeMs = sum(segmentMs);
  // Arms that differ in their second cut alone send the same; most that differ in the first alone get the same.
  const [sent, received] = [onceByKey(sentCost), onceByKey(replyCost)];
  const warm = new Set<SplitArm['profile']>();
  for (const arm of parts.arms) {
    if (arm.kind === 'device' || (arm.profile === 'image' && !hasImages(arm, args.options.images))) continue;
    const headMs = timeBefore(parts, arm.cut, segmentMs);
    const lastMs = arm.to && wholeMs - timeBefore(parts, arm.to, segmentMs);
    const way = await sent(`${arm.cut.id}/${arm.profile}`, parts, args, arm, { values, warm });
    // Of a head nothing behind it is here.
    const back = isHead(parts.model)
      ? { receivedBytes: 0, decodeMs: 0 }
      : await received(backKey(args, arm), parts, pickBack(values, args, arm), profileBack(parts, arm));
    // Until the gateway says how long its tails take, they are taken to run as fast as here without the slowdown.
    const tailMs = (wholeMs - headMs - (lastMs ?? 0)) / options.emulatedSlowdown;
    controller.setCost(arm, { headMs, ...way, tailMs, ...back, ...(lastMs !== undefined && { lastMs }) });
  }
}

/** What the gateway announces of its tails replaces the guess; what its replies showed later counts more. */
export function adoptTailTimes(parts: SessionParts, announced: AnnouncedModel): void {
  for (const arm of parts.arms) {
    const cost = parts.controller.cost(arm);
    // What stages behind the gateway take is for their answers to show.
    if (arm.kind === 'device' || cost === undefined || arm.via) continue;
    const from = arm.cut.position === 0 ? INPUT_END : arm.cut.id;
    const tailMs = rangeMs(announced, { from, to: arm.to?.id });
    if (tailMs !== undefined) parts.controller.setCost(arm, { ...cost, tailMs });
  }
}

const FREE = { headMs: 0, encodeMs: 0, sentBytes: 0, tailMs: 0, receivedBytes: 0, decodeMs: 0 };

/** The same work under the same key is done once. */
function onceByKey<Args extends readonly unknown[], T>(work: (...args: Args) => Promise<T>) {
  const done = new Map<string, Promise<T>>();
  return (key: string, ...args: Args): Promise<T> => {
    const found = done.get(key) ?? work(...args);
    done.set(key, found);
    return found;
  };
}

function backKey(args: RunArguments, arm: SplitArm): string {
  return JSON.stringify([arm.to && arm.profile, ...tailFetches(args, arm)]);
}

function pickBack(values: Tensors, args: RunArguments, arm: SplitArm): Tensors {
  return Object.fromEntries(tailFetches(args, arm).map((name) => [name, values[name]])) as Tensors;
}

function timeBefore({ executor }: SessionParts, cut: Cut, segmentMs: readonly number[]): number {
  const segments = executor.cuts.findIndex(({ id }) => id === cut.id) + 1;
  return cut.position === 0 ? 0 : sum(segmentMs.slice(0, segments));
}

/** The first of each profile is encoded twice: the first time pays for code that has never run. */
async function sentCost(
  parts: SessionParts,
  args: RunArguments,
  arm: SplitArm,
  { values, warm }: { readonly values: Tensors; readonly warm: Set<SplitArm['profile']> },
) {
  const means = { images: args.options.images, noise: parts.noise };
  if (!warm.has(arm.profile)) await encodeFrontier(parts.codec, arm, { values }, means);
  warm.add(arm.profile);
  const startMs = parts.clock.nowMs();
  const { frames } = await encodeFrontier(parts.codec, arm, { values }, means);
  const encodeMs = (parts.clock.nowMs() - startMs) * parts.options.emulatedSlowdown;
  return { encodeMs, sentBytes: sum(frames.map(({ frame }) => frame.length)) };
}

async function replyCost(
  { codec, options, clock }: SessionParts,
  outputs: Tensors,
  profile: ResolvedOptions['replyProfile'],
) {
  const frames = await Promise.all(Object.values(outputs).map((tensor) => codec.encode(tensor, profile)));
  const startMs = clock.nowMs();
  await Promise.all(frames.map((frame) => codec.decode(frame)));
  const decodeMs = (clock.nowMs() - startMs) * options.emulatedSlowdown;
  return { receivedBytes: sum(frames.map(({ length }) => length)), decodeMs };
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
