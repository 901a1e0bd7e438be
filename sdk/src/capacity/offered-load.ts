/** What can be said of a class without playing it: with idle gateways, on each of its links, the arm that its controllers settle on. */
import { latencyScore } from '../adaptive/score.ts';
import type { PlayedArm } from '../adaptive/simulated-plan.ts';
import { linkMaker } from './device-links.ts';
import type { ClassPlan } from './fleet-plans.ts';

export interface IdleClass {
  /** 95th percentile over its links, when nobody waits: gateways cannot make it less. */
  readonly floorP95Ms: number;
  /** The link at which that is, in bits per second. */
  readonly atBitsPerSecond: number;
  readonly atArm: string;
  /** The device alone. */
  readonly deviceMs: number;
  /** Mean time of a tail, of requests that stay on the device 0. */
  readonly meanTailMs: number;
}

const LINKS = 200;

/** @param allowed the arms that may be used. @default all */
export function idleClass(
  { about, arms, trace, score }: ClassPlan,
  allowed: readonly PlayedArm[] = arms,
): IdleClass {
  const worldOf = linkMaker(about.link, trace);
  const links = Array.from({ length: LINKS }, (_, i) => {
    const { uplink, ...link } = worldOf(i, LINKS);
    const bitsPerSecond = Math.max(1, uplink.bitsPerSecondAt(0));
    const now = {
      ...link,
      uplinkBitsPerSecond: bitsPerSecond,
      queueMs: 0,
      deviceSlowdown: 1,
      cloudSlowdown: 1,
    };
    const best = allowed.reduce((a, b) =>
      score(b.cost, now, b.arm.kind) < score(a.cost, now, a.arm.kind) ? b : a,
    );
    return { bitsPerSecond, best, ms: latencyScore(best.cost, now, best.arm.kind) };
  }).toSorted((a, b) => a.ms - b.ms);
  const marked = links[Math.ceil(0.95 * LINKS) - 1];
  return {
    floorP95Ms: marked?.ms ?? Number.NaN,
    atBitsPerSecond: marked?.bitsPerSecond ?? Number.NaN,
    atArm: marked?.best.name ?? '',
    deviceMs: arms[0]?.cost.headMs ?? Number.NaN,
    meanTailMs: links.reduce((sum, { best }) => sum + best.cost.tailMs, 0) / LINKS,
  };
}
