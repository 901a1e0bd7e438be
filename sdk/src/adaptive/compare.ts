/** The controller and its rivals on one link: what each took. */
import { DEVICE_ARM } from '../planner/arm.ts';
import type { ControllerOptions } from './controller.ts';
import { banditPolicy, controllerPolicy, fixedPolicy, oraclePolicy, thresholdPolicy } from './rivals.ts';
import { type PlayedRequest, type SimulationOptions, simulate } from './simulate.ts';
import { playedArms, type SimulatedPlan } from './simulated-plan.ts';

export interface PolicyResult {
  readonly name: string;
  readonly meanMs: number;
  readonly p95Ms: number;
  /** Times that the arm changed, a minute of each device. */
  readonly switchesPerMinute: number;
  /** Requests that the device finished because no answer came. */
  readonly late: number;
  readonly probes: number;
  readonly requests: readonly PlayedRequest[];
}

export interface CompareOptions extends Omit<SimulationOptions, 'arms' | 'policy'> {
  readonly plan: SimulatedPlan;
  readonly controller?: ControllerOptions | undefined;
  readonly deadlineMs?: number | undefined;
}

/** Oracle and controller first; then the tables and the bandit; then each arm by itself, the best of the cuts alone. */
export function comparePolicies({
  plan,
  controller,
  deadlineMs,
  ...options
}: CompareOptions): readonly PolicyResult[] {
  const arms = playedArms(plan);
  const play = (policy: SimulationOptions['policy'], name: string) =>
    resultOf(name, simulate({ ...options, arms, policy }), options);
  const fixed = arms.map(({ arm, name, isCloud }) => ({
    kind: arm.kind === 'device' ? 'edge' : isCloud ? 'cloud' : 'cut',
    result: play(fixedPolicy(arm.id), arm.kind === 'device' ? 'device only' : name),
  }));
  const best = (kind: string) =>
    fixed
      .filter((one) => one.kind === kind)
      .map(({ result }) => result)
      .toSorted(byMean)
      .slice(0, 1);
  return [
    play(oraclePolicy, 'oracle'),
    play(controllerPolicy(plan.link, controller, { deadlineMs }), 'controller'),
    play(thresholdPolicy(plan.link), 'bandwidth table'),
    play(banditPolicy, 'muLinUCB'),
    ...best('edge'),
    ...best('cloud'),
    ...best('cut').map((result) => ({ ...result, name: `always ${result.name}` })),
  ];
}

const byMean = (a: PolicyResult, b: PolicyResult) => a.meanMs - b.meanMs;

function resultOf(
  name: string,
  requests: readonly PlayedRequest[],
  { durationMs, devices = 1 }: Pick<SimulationOptions, 'durationMs' | 'devices'>,
): PolicyResult {
  return {
    name,
    meanMs: meanMs(requests),
    p95Ms: p95Ms(requests),
    switchesPerMinute: countSwitches(requests) / devices / (durationMs / 60_000),
    late: requests.filter(isLate).length,
    probes: requests.filter(({ isProbing }) => isProbing).length,
    requests,
  };
}

/** A cut was chosen, and the device had finished before the cloud answered. */
export function isLate({ armId, answeredBy }: PlayedRequest): boolean {
  return armId !== DEVICE_ARM.id && answeredBy === 'device';
}

export function meanMs(requests: readonly PlayedRequest[]): number {
  return requests.reduce((sum, { totalMs }) => sum + totalMs, 0) / requests.length;
}

export function p95Ms(requests: readonly PlayedRequest[]): number {
  const sorted = requests.map(({ totalMs }) => totalMs).toSorted((a, b) => a - b);
  return sorted[Math.floor(0.95 * (sorted.length - 1))] ?? Number.NaN;
}

/** The first arm is no switch. */
export function countSwitches(requests: readonly PlayedRequest[]): number {
  const last = new Map<number, string>();
  let count = 0;
  for (const { device, armId } of requests) {
    if ((last.get(device) ?? armId) !== armId) count++;
    last.set(device, armId);
  }
  return count;
}
