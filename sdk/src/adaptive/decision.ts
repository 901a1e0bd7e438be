/** What the controller decides for one request, and why. */
import type { Arm, SplitArm } from '../planner/arm.ts';
import type { Conditions } from '../planner/cost-model.ts';

export interface Prediction {
  readonly arm: Arm;
  /** Milliseconds of one request. */
  readonly totalMs: number;
  /** What is made least, in what the objective counts; with `latency` these milliseconds and the gateway's price. */
  readonly score: number;
}

/**
 * What moved: the uplink or the round trip, the device's speed, the gateway's (its queue included), an answer that did not
 * come, the arm in use not being possible any more, or what was learnt of the arms themselves.
 */
export type ChangeCause = 'link' | 'device' | 'cloud' | 'silence' | 'arms' | 'costs';

export interface ArmChange {
  readonly from: Arm;
  readonly to: Arm;
  readonly cause: ChangeCause;
  /** What each is predicted to take now; `undefined` where nothing is known of the arm left. */
  readonly fromMs: number | undefined;
  readonly toMs: number;
  /** What these rest on, and what they were at the change before. */
  readonly now: Conditions;
  readonly before: Conditions;
}

export interface Decision {
  readonly arm: Arm;
  /** What the request is predicted to take; `undefined` while nothing is known of any arm. */
  readonly totalMs: number | undefined;
  /**
   * After so long without an answer, counted from the first byte sent, the device had better go on by itself: less is
   * lost by that than by more waiting. `undefined` on the device.
   */
  readonly giveUpAfterMs: number | undefined;
  /**
   * Only with the device's own arm: also send by this arm, and do not wait for the answer. The one thing it is for is to
   * learn what the link and the cloud are like; tell its stages or its silence like those of any request.
   */
  readonly probe: SplitArm | undefined;
  readonly change: ArmChange | undefined;
}

/** One sentence with the numbers. */
export function changeText({ from, to, cause, fromMs, toMs, now, before }: ArmChange): string {
  const saving = fromMs === undefined ? '' : ` instead of ${fromMs.toFixed(0)} ms`;
  return `${from.id} -> ${to.id}: ${CAUSES[cause](now, before)}; ${toMs.toFixed(0)} ms${saving}`;
}

const CAUSES: Readonly<Record<ChangeCause, (now: Conditions, before: Conditions) => string>> = {
  link: (now, before) =>
    `uplink ${mbps(now.uplinkBitsPerSecond)} Mbit/s, was ${mbps(before.uplinkBitsPerSecond)}`,
  device: (now, before) =>
    `device ${times(now.deviceSlowdown)} as slow as measured, was ${times(before.deviceSlowdown)}`,
  cloud: (now, before) =>
    `cloud ${times(now.cloudSlowdown)} as slow as measured, queue ${now.queueMs.toFixed(0)} ms, was ${times(before.cloudSlowdown)} and ${before.queueMs.toFixed(0)} ms`,
  silence: () => 'no answer came in time',
  arms: () => 'the arm in use is not possible now',
  costs: () => 'runs showed what the arms take',
};

const mbps = (bitsPerSecond: number) => (bitsPerSecond / 1e6).toPrecision(3);
const times = (slowdown: number) => `${slowdown.toFixed(2)} times`;
