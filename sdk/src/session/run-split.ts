/** One split request, top to bottom: head, encode, send and wait, decode, trace. docs/lifecycle.md walks through it. */
import { isByteProfile } from '../codec/profile.ts';
import { asSplitError, SplitError } from '../errors.ts';
import type { SplitArm } from '../planner/arm.ts';
import type { StageTimes } from '../planner/cost-model.ts';
import type { Tensors } from '../tensor.ts';
import type { NamedFrame, Reply } from '../transport/request-client.ts';
import { encodeFrontier, type FrontierValues } from './frontier-frames.ts';
import type { Timed } from './pace.ts';
import type { SessionParts } from './parts.ts';
import type { RunArguments } from './run-arguments.ts';
import { type Answer, finishLocally, type HeadInHand, signalOf } from './run-local.ts';
import { makeTrace, NO_STAGES } from './trace.ts';

export interface SplitPlan {
  readonly arm: SplitArm;
  readonly gateway: string;
  /** When the whole run must have ended, on the session's clock. */
  readonly deadlineAtMs: number;
  /** What the device needs to finish by itself after the cut; that much is kept back from the deadline. */
  readonly localTailMs: number;
  /** After so long without an answer, from the first byte sent, the device had better go on. @default the deadline alone */
  readonly giveUpAfterMs?: number | undefined;
}

/** @throws SplitError where the cloud does not answer in time and the session has no fallback */
export async function runSplit(parts: SessionParts, args: RunArguments, plan: SplitPlan): Promise<Answer> {
  const startMs = parts.clock.nowMs();
  const head = await runHead(parts, args, plan.arm);
  const inHand: HeadInHand = { ...head.value, startMs };
  if (tailFetches(args, plan.arm).length === 0)
    return answerOfHead(args, plan.arm, { ...head, value: head.value.values });
  try {
    const { frames, reply } = await sendValues(parts, args, plan, head.value);
    const decoded = await decodeStage(parts, args, reply);
    const times = { headMs: head.elapsedMs, encodeMs: frames.elapsedMs, decodeMs: decoded.elapsedMs };
    const stages = observeReply(parts, plan.arm, times, reply);
    const outputs = { ...decoded.value, ...doneInHead(head.value.values, args) };
    return { outputs, trace: trace(plan, stages, { reply, totalMs: parts.clock.nowMs() - startMs }) };
  } catch (error) {
    return fallBack(parts, args, { plan, head: inHand, error });
  }
}

/** What crosses the cut, and the outputs that the head already has. The input cut's head is empty. */
async function runHead(
  { executor, pace }: SessionParts,
  args: RunArguments,
  { cut, profile }: SplitArm,
): Promise<Timed<FrontierValues>> {
  const { feeds, options } = args;
  const crossing = cut.tensors.map(({ name }) => name);
  if (cut.position === 0) return { value: { values: pick(feeds, crossing) }, elapsedMs: 0 };
  const fetches = [
    ...new Set([...crossing, ...args.fetches.filter((name) => cut.headOutputs.includes(name))]),
  ];
  const quantise = profile !== 'image' && isByteProfile(profile);
  const run = () => executor.run({ to: cut, feeds, fetches, quantise, ...signalOf(options) });
  return pace.stage('model', run, options.signal);
}

/** Frames that need what the gateway does not have are sent again without that need, within the same deadline. */
async function sendValues(parts: SessionParts, args: RunArguments, plan: SplitPlan, values: FrontierValues) {
  // It may lack references, or tables, or both.
  for (let triesLeft = 2; ; triesLeft--) {
    try {
      return await encodeAndSend(parts, args, plan, values);
    } catch (error) {
      if (triesLeft === 0 || !isOfMissingMeans(parts, plan, error)) throw error;
    }
  }
}

/** Whether the gateway lacks what frames can do without; later frames then do. */
function isOfMissingMeans(
  { references, tables }: SessionParts,
  { gateway }: SplitPlan,
  error: unknown,
): boolean {
  const { code } = asSplitError(error);
  if (code === 'reference-unknown') references.forget();
  if (code === 'tables-unknown') tables.noteMissing(gateway);
  return code === 'reference-unknown' || code === 'tables-unknown';
}

async function encodeAndSend(
  parts: SessionParts,
  args: RunArguments,
  plan: SplitPlan,
  values: FrontierValues,
) {
  const { codec, pace, references, tables } = parts;
  const { images, signal } = args.options;
  const number = references.nextNumber();
  const how = { images, known: references.known(plan), tables: tables.known(plan) };
  const frames = await pace.stage('codec', () => encodeFrontier(codec, plan.arm, values, how), signal);
  const reply = await sendFrames(parts, args, plan, frames.value.frames);
  references.acknowledge(plan, { number, references: frames.value.references });
  return { frames, reply };
}

/** Tells the controller where no answer came. */
export async function sendFrames(
  parts: SessionParts,
  args: RunArguments,
  plan: SplitPlan,
  tensors: readonly NamedFrame[],
): Promise<Reply> {
  const { client, model, options, clock } = parts;
  const startMs = clock.nowMs();
  const leftMs = plan.deadlineAtMs - plan.localTailMs - startMs;
  const deadlineMs = Math.min(leftMs, plan.giveUpAfterMs ?? leftMs);
  if (deadlineMs <= 0)
    throw new SplitError('deadline-exceeded', 'the head and its encoding took all the time there was');
  const cut = plan.arm.cut.position === 0 ? 'input' : plan.arm.cut.id;
  const fetches = tailFetches(args, plan.arm);
  const request = {
    model: options.model,
    digest: model.digest,
    cut,
    tensors,
    fetches,
    replyProfile: options.replyProfile,
  };
  try {
    return await client.request(plan.gateway, request, { deadlineMs, ...signalOf(args.options) });
  } catch (error) {
    const nowMs = clock.nowMs();
    if (asSplitError(error).code === 'deadline-exceeded')
      parts.controller.observeSilence(plan.arm, nowMs - startMs, nowMs);
    throw error;
  }
}

export function decodeStage({ codec, pace }: SessionParts, args: RunArguments, reply: Reply) {
  const decode = async ({ name, frame }: NamedFrame) => [name, await codec.decode(frame)] as const;
  return pace.stage(
    'codec',
    async () => Object.fromEntries(await Promise.all(reply.tensors.map(decode))),
    args.options.signal,
  );
}

function cloudStages({ timings }: Reply) {
  const { uplinkMs, queueMs, downlinkMs, decodeMs, tailMs, encodeMs } = timings;
  return { uplinkMs, queueMs, tailMs: decodeMs + tailMs + encodeMs, downlinkMs };
}

/** All stages of an answered request, which the controller has learnt from. */
export function observeReply(
  { controller, clock }: SessionParts,
  arm: SplitArm,
  onDevice: Pick<StageTimes, 'headMs' | 'encodeMs' | 'decodeMs'>,
  reply: Reply,
): StageTimes {
  const stages = { ...onDevice, ...cloudStages(reply) };
  const atMs = clock.nowMs();
  controller.observe({ arm, stages, link: { atMs, ...reply.timings } }, atMs);
  return stages;
}

function trace(
  { arm, gateway }: SplitPlan,
  stages: StageTimes,
  end: { readonly reply: Reply; readonly totalMs: number },
) {
  const { sentBytes, receivedBytes, attempts } = end.reply.timings;
  return makeTrace(arm, stages, { gateway, sentBytes, receivedBytes, attempts, totalMs: end.totalMs });
}

/** Outputs that are made behind the cut. */
export function tailFetches({ fetches }: RunArguments, { cut }: SplitArm): readonly string[] {
  return fetches.filter((name) => !cut.headOutputs.includes(name));
}

/** All that was asked for is made before the cut: nothing needs to be sent. */
function answerOfHead(args: RunArguments, arm: SplitArm, head: Timed<Tensors>): Answer {
  const { elapsedMs } = head;
  const trace = makeTrace(arm, { ...NO_STAGES, headMs: elapsedMs }, { totalMs: elapsedMs });
  return { outputs: doneInHead(head.value, args), trace };
}

async function fallBack(
  parts: SessionParts,
  args: RunArguments,
  failed: { readonly plan: SplitPlan; readonly head: HeadInHand; readonly error: unknown },
): Promise<Answer> {
  const error = asSplitError(failed.error);
  // The caller's own wish to stop, and a session being closed, are no reason to compute.
  if (parts.options.fallback === 'none' || error.code === 'aborted' || error.code === 'closed') throw error;
  return finishLocally(parts, args, { arm: failed.plan.arm, head: failed.head, reason: error.code });
}

function doneInHead(values: Tensors, { fetches }: RunArguments): Tensors {
  return pick(
    values,
    fetches.filter((name) => values[name] !== undefined),
  );
}

export function pick(values: Tensors, names: readonly string[]): Tensors {
  return Object.fromEntries(
    names.flatMap((name) => (values[name] === undefined ? [] : [[name, values[name]]])),
  );
}
