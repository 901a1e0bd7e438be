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
import type { References } from './reference-frames.ts';
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
    const stages: StageTimes = {
      headMs: head.elapsedMs,
      encodeMs: frames.elapsedMs,
      ...cloudStages(reply),
      decodeMs: decoded.elapsedMs,
    };
    observe(parts, plan.arm, stages, reply);
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
  return pace.stage(run, options.signal);
}

/** Frames that build on what the gateway does not have any more are sent again in full, within the same deadline. */
async function sendValues(parts: SessionParts, args: RunArguments, plan: SplitPlan, values: FrontierValues) {
  const known = parts.references.known(plan);
  try {
    return await encodeAndSend(parts, args, plan, { values, known });
  } catch (error) {
    if (asSplitError(error).code !== 'reference-unknown') throw error;
    parts.references.forget();
    return encodeAndSend(parts, args, plan, { values });
  }
}

async function encodeAndSend(
  parts: SessionParts,
  args: RunArguments,
  plan: SplitPlan,
  { values, known }: { readonly values: FrontierValues; readonly known?: References },
) {
  const { codec, pace, references } = parts;
  const { images, signal } = args.options;
  const number = references.nextNumber();
  const how = { images, ...(known && { known }) };
  const frames = await pace.stage(() => encodeFrontier(codec, plan.arm, values, how), signal);
  const reply = await send(parts, args, plan, frames.value.frames);
  references.acknowledge(plan, { number, references: frames.value.references });
  return { frames, reply };
}

function send(
  parts: SessionParts,
  args: RunArguments,
  plan: SplitPlan,
  tensors: readonly NamedFrame[],
): Promise<Reply> {
  const { client, model, options, clock } = parts;
  const deadlineMs = plan.deadlineAtMs - plan.localTailMs - clock.nowMs();
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
  return client.request(plan.gateway, request, { deadlineMs, ...signalOf(args.options) });
}

function decodeStage({ codec, pace }: SessionParts, args: RunArguments, reply: Reply) {
  const decode = async ({ name, frame }: NamedFrame) => [name, await codec.decode(frame)] as const;
  return pace.stage(
    async () => Object.fromEntries(await Promise.all(reply.tensors.map(decode))),
    args.options.signal,
  );
}

function cloudStages({ timings }: Reply) {
  const { uplinkMs, queueMs, downlinkMs, decodeMs, tailMs, encodeMs } = timings;
  return { uplinkMs, queueMs, tailMs: decodeMs + tailMs + encodeMs, downlinkMs };
}

function observe(
  { controller, clock }: SessionParts,
  arm: SplitArm,
  stages: StageTimes,
  { timings }: Reply,
): void {
  const atMs = clock.nowMs();
  controller.observe({ arm, stages, link: { atMs, ...timings } }, atMs);
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
function tailFetches({ fetches }: RunArguments, { cut }: SplitArm): readonly string[] {
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
  const nowMs = parts.clock.nowMs();
  if (error.code === 'deadline-exceeded') {
    parts.controller.observeSilence(failed.plan.arm, nowMs - failed.head.startMs, nowMs);
  }
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

function pick(values: Tensors, names: readonly string[]): Tensors {
  return Object.fromEntries(
    names.flatMap((name) => (values[name] === undefined ? [] : [[name, values[name]]])),
  );
}
