/** One run: look for a tail, let the controller decide, go. */
import type { Decision } from '../adaptive/decision.ts';
import { SplitError } from '../errors.ts';
import { type Arm, DEVICE_ARM, type SplitArm } from '../planner/arm.ts';
import { adoptTailTimes } from './calibrate.ts';
import { hasImages } from './frontier-frames.ts';
import { isHead } from './head-rules.ts';
import type { Journal } from './journal.ts';
import type { LinkProbe } from './link-probe.ts';
import type { SessionParts } from './parts.ts';
import { firstGateways, tailsFor } from './route.ts';
import type { RunArguments } from './run-arguments.ts';
import { sendsInput } from './run-head.ts';
import { type Answer, runLocal } from './run-local.ts';
import { runSplit } from './run-split.ts';
import { type FoundTail, lookForTail, type Tail } from './tail.ts';

export interface RunContext {
  readonly journal: Journal;
  readonly linkProbe: LinkProbe;
  readonly queuedMs: number;
}

export async function runOnce(parts: SessionParts, args: RunArguments, context: RunContext): Promise<Answer> {
  const { journal, linkProbe, queuedMs } = context;
  const deadlineMs = (args.options.deadlineMs ?? parts.options.deadlineMs) - queuedMs;
  if (deadlineMs <= 0)
    throw new SplitError('deadline-exceeded', `the run waited ${Math.round(queuedMs)} ms for its turn`);
  const deadlineAtMs = parts.clock.nowMs() + deadlineMs;
  const tail = lookForTail(firstGateways(parts), parts, parts.model.digest);
  if (tail.announced) meet(parts, tail);
  const decision = decide(parts, args, { tail, deadlineMs });
  const { arm } = decision;
  if (args.options.arm === undefined) {
    journal.chosen(arm, { isGatewayThere: tail.error === undefined, change: decision.change }, () =>
      parts.controller.rank(parts.arms, parts.clock.nowMs()),
    );
  }
  if (arm.kind === 'device' || tail.error) return localAnswer(parts, args, { tail, decision, context });
  // What is left of a probe would only stand in the way.
  linkProbe.stop();
  const giveUpAfterMs = patienceMs(parts, decision);
  const [first = tail] = tailsFor(parts, arm);
  return runSplit(parts, args, {
    ...{ arm, gateway: first.gateway, deadlineAtMs, giveUpAfterMs },
    localTailMs: localTailMs(parts, arm, deadlineMs),
  });
}

/**
 * A gateway met for the first time says how long its tails take, and the link to it how long a message takes; each of its
 * announcements says how busy it is.
 */
function meet(parts: SessionParts, { gateway, announced, announcement }: FoundTail): void {
  const { known, controller, client } = parts;
  const roundTripMs = client.roundTripMs(gateway);
  if (roundTripMs !== undefined) controller.pushRoundTrip(roundTripMs, client.roundTripSpreadMs(gateway));
  if (known.announcement === announcement) return;
  known.announcement = announcement;
  controller.pushAnnounced({ queueMs: announcement.queueMs ?? 0, congestionPrice: announcement.price ?? 0 });
  if (known.gateway === gateway) return;
  known.gateway = gateway;
  adoptTailTimes(parts, announced);
}

interface LocalRun {
  readonly tail: Tail;
  readonly decision: RunDecision;
  readonly context: RunContext;
}

/** Edge-only by choice, or because no gateway serves the model; without a fallback the latter is an error. */
async function localAnswer(parts: SessionParts, args: RunArguments, run: LocalRun): Promise<Answer> {
  const { tail } = run;
  if (tail.error && parts.options.fallback === 'none') throw tail.error;
  if (isHead(parts.model))
    throw new SplitError('gateway-unavailable', 'no gateway in reach goes on from a cut of this head');
  if (!tail.error) return probingAnswer(parts, args, { ...run, tail });
  const answer = await runLocal(parts, args, DEVICE_ARM);
  return { ...answer, trace: { ...answer.trace, fallback: 'local', reason: tail.error.code } };
}

/** Where a look at the link is due, what the probe's cut sends goes beside the device's own run. */
async function probingAnswer(
  parts: SessionParts,
  args: RunArguments,
  { tail, decision, context: { linkProbe, journal } }: LocalRun & { readonly tail: FoundTail },
): Promise<Answer> {
  const { probe } = decision;
  const giveUpAfterMs = patienceMs(parts, decision);
  if (!probe || giveUpAfterMs === undefined || linkProbe.isUnderWay) return runLocal(parts, args, DEVICE_ARM);
  journal.probed();
  const [{ gateway } = tail] = tailsFor(parts, probe);
  return linkProbe.run(args, { arm: probe, gateway, giveUpAfterMs });
}

type RunDecision = Pick<Decision, 'arm'> & Partial<Decision>;

function decide(
  parts: SessionParts,
  args: RunArguments,
  { tail, deadlineMs }: { readonly tail: Tail; readonly deadlineMs: number },
): RunDecision {
  const wanted = args.options.arm;
  if (wanted !== undefined) return { arm: namedArm(parts, args, wanted) };
  if (tail.error) return { arm: DEVICE_ARM };
  const possible = parts.arms.filter((arm) => isPossible(parts, arm, args));
  return parts.controller.decide(possible, parts.clock.nowMs(), { deadlineMs });
}

// Less is the noise of timers and other programs, and says nothing of the link.
const LEAST_PATIENCE_MS = 50;

/** Only who can go on from the head gives up before the deadline. */
function patienceMs({ options }: SessionParts, { giveUpAfterMs }: RunDecision): number | undefined {
  if (options.fallback === 'none' || giveUpAfterMs === undefined) return undefined;
  return Math.max(LEAST_PATIENCE_MS, giveUpAfterMs);
}

function namedArm({ arms, model, denied }: SessionParts, { options }: RunArguments, id: string): Arm {
  const arm = arms.find((candidate) => candidate.id === id);
  if (arm && options.inputs === 'stay' && arm.kind === 'split' && sendsInput(arm.cut, model))
    throw new SplitError('options-invalid', `arm '${id}' sends an input, and options.inputs is 'stay'`);
  if (arm) return arm;
  const denial = denied(id);
  if (denial) throw denial;
  throw new SplitError(
    'options-invalid',
    `there is no arm '${id}'; there are ${arms.map((candidate) => candidate.id).join(', ')}`,
  );
}

/** The gateway has what lies behind the cut, and pictures are at hand where the arm sends pictures. */
function isPossible(parts: SessionParts, arm: Arm, args: RunArguments): boolean {
  if (arm.kind === 'device') return true;
  if (args.options.inputs === 'stay' && sendsInput(arm.cut, parts.model)) return false;
  if (arm.profile === 'image' && !hasImages(arm, args.options.images)) return false;
  return tailsFor(parts, arm).length > 0;
}

// Runs vary: the device's rest of the model is given a little more than it took when it was measured.
const LOCAL_MARGIN = 1.2;

/** Kept back from the deadline so that the device can still finish in time; nothing where it would not finish anyway. */
function localTailMs({ controller, options }: SessionParts, arm: SplitArm, deadlineMs: number): number {
  if (options.fallback === 'none') return 0;
  const whole = controller.cost(DEVICE_ARM)?.headMs ?? 0;
  const restMs = (whole - (controller.cost(arm)?.headMs ?? 0)) * LOCAL_MARGIN;
  return restMs < deadlineMs / 2 ? restMs : 0;
}
