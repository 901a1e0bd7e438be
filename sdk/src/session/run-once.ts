/** One run: look for a tail, choose the arm, go. */

import { SplitError } from '../errors.ts';
import type { Arm } from '../planner/arm.ts';
import { DEVICE_ARM, type SplitArm } from '../planner/arm.ts';
import { adoptTailTimes } from './calibrate.ts';
import { hasImages } from './frontier-frames.ts';
import type { Journal } from './journal.ts';
import type { SessionParts } from './parts.ts';
import type { RunArguments } from './run-arguments.ts';
import { type Answer, runLocal } from './run-local.ts';
import { runSplit } from './run-split.ts';
import { findTail, type Tail } from './tail.ts';

export async function runOnce(
  parts: SessionParts,
  args: RunArguments,
  { journal, queuedMs }: { readonly journal: Journal; readonly queuedMs: number },
): Promise<Answer> {
  const deadlineMs = (args.options.deadlineMs ?? parts.options.deadlineMs) - queuedMs;
  if (deadlineMs <= 0)
    throw new SplitError('deadline-exceeded', `the run waited ${Math.round(queuedMs)} ms for its turn`);
  const deadlineAtMs = parts.clock.nowMs() + deadlineMs;
  const tail = findTail(parts.client.gateways(), parts.options.model, parts.model.digest);
  if (tail.announced) meet(parts, tail);
  const arm = chooseArm(parts, args, tail);
  if (args.options.arm === undefined) {
    journal.chosen(arm, tail.error === undefined, () =>
      parts.controller.rank(parts.arms, parts.clock.nowMs()),
    );
  }
  if (arm.kind === 'device' || tail.error) return localAnswer(parts, args, tail);
  return runSplit(parts, args, {
    arm,
    gateway: tail.gateway,
    deadlineAtMs,
    localTailMs: localTailMs(parts, arm, deadlineMs),
  });
}

/** A gateway met for the first time says how long its tails take, and the link to it how long a message takes. */
function meet(parts: SessionParts, { gateway, announced }: Extract<Tail, { announced: object }>): void {
  const roundTripMs = parts.client.roundTripMs(gateway);
  if (roundTripMs !== undefined) parts.controller.pushRoundTrip(roundTripMs);
  if (parts.known.announced === announced) return;
  parts.known.announced = announced;
  adoptTailTimes(parts, announced);
}

/** Edge-only by choice, or because no gateway serves the model; without a fallback the latter is an error. */
async function localAnswer(parts: SessionParts, args: RunArguments, tail: Tail): Promise<Answer> {
  if (tail.error && parts.options.fallback === 'none') throw tail.error;
  const answer = await runLocal(parts, args, DEVICE_ARM);
  if (!tail.error) return answer;
  return { ...answer, trace: { ...answer.trace, fallback: 'local', reason: tail.error.code } };
}

function chooseArm(parts: SessionParts, args: RunArguments, tail: Tail): Arm {
  const wanted = args.options.arm;
  if (wanted !== undefined) return namedArm(parts, args, wanted);
  if (tail.error) return DEVICE_ARM;
  const possible = parts.arms.filter((arm) => isPossible(arm, args, tail));
  return parts.controller.choose(possible, parts.clock.nowMs());
}

function namedArm({ arms }: SessionParts, { options }: RunArguments, id: string): Arm {
  const arm = arms.find((candidate) => candidate.id === id);
  if (arm?.kind === 'split' && arm.cut.position === 0 && options.inputs === 'stay') {
    throw new SplitError('options-invalid', `arm '${id}' sends the input, and options.inputs is 'stay'`);
  }
  if (arm) return arm;
  throw new SplitError(
    'options-invalid',
    `there is no arm '${id}'; there are ${arms.map((candidate) => candidate.id).join(', ')}`,
  );
}

/** The gateway has the cut's tail, and pictures are at hand where the arm sends pictures. */
function isPossible(arm: Arm, args: RunArguments, tail: Tail): boolean {
  if (arm.kind === 'device') return true;
  if (arm.cut.position === 0 && args.options.inputs === 'stay') return false;
  if (arm.profile === 'image' && !hasImages(arm, args.options.images)) return false;
  return arm.cut.position === 0 || (tail.announced?.cuts.some(({ id }) => id === arm.cut.id) ?? false);
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
