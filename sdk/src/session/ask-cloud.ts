/** One question to a gateway, from a head that has run to its answer: encode, send and wait, decode, learn. */
import { asSplitError, SplitError } from '../errors.ts';
import type { SplitArm } from '../planner/arm.ts';
import type { StageTimes } from '../planner/cost-model.ts';
import type { NamedFrame, Reply } from '../transport/request-client.ts';
import { encodeFrontier, type FrontierValues } from './frontier-frames.ts';
import type { Timed } from './pace.ts';
import type { SessionParts } from './parts.ts';
import { routeOf } from './route.ts';
import type { RunArguments } from './run-arguments.ts';
import { headOutputs, profileBack, tailFetches } from './run-head.ts';
import { runLast } from './run-last.ts';
import { type Answer, signalOf } from './run-local.ts';
import { makeTrace } from './trace.ts';

export interface Question {
  readonly arm: SplitArm;
  readonly gateway: string;
  readonly head: Timed<FrontierValues>;
  /** When the run began, on the session's clock. */
  readonly startMs: number;
  /** When an answer must be there. */
  readonly deadlineAtMs: number;
  /** And so long after the first byte was sent. @default the deadline alone */
  readonly answerWithinMs?: number | undefined;
  /** The first byte is about to be sent. */
  onSending?(): void;
}

/** @throws SplitError */
export async function askCloud(parts: SessionParts, args: RunArguments, question: Question): Promise<Answer> {
  const { arm, gateway, head, startMs } = question;
  const { frames, reply } = await sendValues(parts, args, question);
  const decoded = await decode(parts, args, reply);
  const last = await runLast(parts, args, { arm, values: { ...head.value.values, ...decoded.value } });
  const onDevice = {
    ...{ headMs: head.elapsedMs, encodeMs: frames.elapsedMs, decodeMs: decoded.elapsedMs },
    ...(arm.to && { lastMs: last.elapsedMs }),
  };
  const stages = learn(parts, arm, onDevice, reply);
  const { sentBytes, receivedBytes, attempts } = reply.timings;
  const totalMs = parts.clock.nowMs() - startMs;
  const trace = makeTrace(arm, stages, {
    ...{ gateway, sentBytes, receivedBytes, attempts, totalMs },
    ...(reply.stages && { stages: reply.stages }),
    ...(parts.noise && { noise: parts.noise.level }),
  });
  return { outputs: { ...last.value, ...headOutputs(head.value, args) }, trace };
}

/** Frames that need what the gateway does not have are sent again without that need, within the same deadline. */
async function sendValues(parts: SessionParts, args: RunArguments, question: Question) {
  // It may lack references, or tables, or both.
  for (let triesLeft = 2; ; triesLeft--) {
    try {
      return await encodeAndSend(parts, args, question);
    } catch (error) {
      if (triesLeft === 0 || !isOfMissingMeans(parts, question, error)) throw error;
    }
  }
}

/** Whether the gateway lacks what frames can do without; later frames then do. */
function isOfMissingMeans(
  { references, tables }: SessionParts,
  { gateway }: Question,
  error: unknown,
): boolean {
  const { code } = asSplitError(error);
  if (code === 'reference-unknown') references.forget();
  if (code === 'tables-unknown') tables.noteMissing(gateway);
  return code === 'reference-unknown' || code === 'tables-unknown';
}

async function encodeAndSend(parts: SessionParts, args: RunArguments, question: Question) {
  const { codec, pace, references, tables, noise } = parts;
  const { images, signal } = args.options;
  const number = references.nextNumber();
  const how = { images, known: references.known(question), tables: tables.known(question), noise };
  const encode = () => encodeFrontier(codec, question.arm, question.head.value, how);
  const frames = await pace.stage('codec', encode, signal);
  question.onSending?.();
  const reply = await sendFrames(parts, args, question, frames.value.frames);
  references.acknowledge(question, { number, references: frames.value.references });
  return { frames, reply };
}

/** Tells the controller where no answer came. */
async function sendFrames(
  parts: SessionParts,
  args: RunArguments,
  { arm, gateway, deadlineAtMs, answerWithinMs }: Question,
  tensors: readonly NamedFrame[],
): Promise<Reply> {
  const { client, model, options, clock } = parts;
  const startMs = clock.nowMs();
  const leftMs = deadlineAtMs - startMs;
  const deadlineMs = Math.min(leftMs, answerWithinMs ?? leftMs);
  if (deadlineMs <= 0)
    throw new SplitError('deadline-exceeded', 'the head and its encoding took all the time there was');
  const cut = arm.cut.position === 0 ? 'input' : arm.cut.id;
  const request = {
    ...{ model: options.model, digest: model.digest, cut, tensors, fetches: tailFetches(args, arm) },
    replyProfile: profileBack(parts, arm),
    ...(arm.to && { to: arm.to.id }),
    ...(arm.via && { route: routeOf(parts, arm) }),
    traceparent: args.traceparent,
    dataClass: parts.dataClass,
  };
  try {
    return await client.request(gateway, request, { deadlineMs, ...signalOf(args.options) });
  } catch (error) {
    const nowMs = clock.nowMs();
    if (asSplitError(error).code === 'deadline-exceeded')
      parts.controller.observeSilence(arm, nowMs - startMs, nowMs);
    throw error;
  }
}

function decode({ codec, pace }: SessionParts, args: RunArguments, reply: Reply) {
  const decodeOne = async ({ name, frame }: NamedFrame) => [name, await codec.decode(frame)] as const;
  const work = async () => Object.fromEntries(await Promise.all(reply.tensors.map(decodeOne)));
  return pace.stage('codec', work, args.options.signal);
}

/** All stages of an answered request, which the controller has learnt from. */
function learn(
  { controller, clock }: SessionParts,
  arm: SplitArm,
  onDevice: Pick<StageTimes, 'headMs' | 'encodeMs' | 'decodeMs' | 'lastMs'>,
  { timings }: Reply,
): StageTimes {
  const { uplinkMs, queueMs, downlinkMs, decodeMs, tailMs, encodeMs } = timings;
  const stages = { ...onDevice, uplinkMs, queueMs, tailMs: decodeMs + tailMs + encodeMs, downlinkMs };
  const atMs = clock.nowMs();
  controller.observe({ arm, stages, link: { atMs, ...timings } }, atMs);
  return stages;
}
