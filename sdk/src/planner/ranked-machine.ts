/**
 * A machine whose accelerators hold a model together, for plans. It is never taken for faster than one accelerator that would
 * hold all: two H100s took longer with each model that was measured (docs/benchmarks.md), as ranks wait for each other.
 */
import type { Profile, Timing } from './profile.ts';

/** What bringing values together costs; assumed where nobody measured it on the machine. */
export interface CollectiveCost {
  /** Of each collective, in milliseconds, whatever its size. */
  readonly collectiveMs: number;
  /** Of what they move. */
  readonly bytesPerMs: number;
}

/** Of two H100s of one host: within 6 % of what they added for BERT-base, VGG-16 and ResNet-50 (docs/benchmarks.md). */
export const ASSUMED_COLLECTIVES: CollectiveCost = { collectiveMs: 1, bytesPerMs: 2.1e6 };

/** Of one segment between cuts: what its ranks bring together. */
export interface SegmentCollectives {
  readonly count: number;
  /** From the ranks and to them. */
  readonly bytes: number;
}

/**
 * The profile of the machine on so many ranks: its own times, and those of the collectives on top.
 * @param cuts ids, in the model's order
 * @param segments one more than cuts
 */
export function profileOnRanks(
  profile: Profile,
  {
    ranks,
    cuts,
    segments,
    cost,
  }: {
    readonly ranks: number;
    readonly cuts: readonly string[];
    readonly segments: readonly SegmentCollectives[];
    readonly cost: CollectiveCost;
  },
): Profile {
  const addedFrom = (segment: number) =>
    segments.slice(segment).reduce((sum, one) => sum + collectivesMs(one, cost), 0);
  const plus = (timing: Timing, addedMs: number): Timing => ({
    ...timing,
    medianMs: timing.medianMs + addedMs,
    isGuess: true,
  });
  return {
    ...profile,
    device: `${profile.device}, on ${ranks} ranks`,
    whole: plus(profile.whole, addedFrom(0)),
    cuts: profile.cuts
      .filter(({ id }) => cuts.includes(id))
      .map((cut) => ({ ...cut, tail: plus(cut.tail, addedFrom(cuts.indexOf(cut.id) + 1)) })),
  };
}

function collectivesMs(
  { count, bytes }: SegmentCollectives,
  { collectiveMs, bytesPerMs }: CollectiveCost,
): number {
  return count * collectiveMs + bytes / bytesPerMs;
}
