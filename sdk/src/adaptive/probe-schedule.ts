/** When to look at the link although nothing is to be sent over it, and by which arm. */
import type { SplitArm } from '../planner/arm.ts';
import type { ArmCost, Conditions } from '../planner/cost-model.ts';
import type { Prediction } from './decision.ts';

export interface ProbeSchedule {
  /** Whether to probe with a request that starts now. */
  isDue(need: ProbeNeed): boolean;
}

export interface ProbeNeed {
  readonly nowMs: number;
  /** When the link was last learnt about. */
  readonly learntAtMs: number;
  /** Since when the device does all by itself. */
  readonly aloneSinceMs: number;
  /** Time of the device's own that the probe takes: encoding. */
  readonly costMs: number;
  /** The best sending arm's predicted time, in times of the device's own. */
  readonly ratio: number;
}

// Encoding for probes takes at most this share of the device's time.
const COST_SHARE = 0.01;
// Links that come and go do so in seconds; one that has been bad for a while is looked at less and less often.
const LEAST_PAUSE_MS = 300;
const PATIENT_AFTER_MS = 10_000;
const MOST_PATIENCE = 5;

export function createProbeSchedule(): ProbeSchedule {
  let lastMs = Number.NEGATIVE_INFINITY;
  return {
    isDue({ nowMs, learntAtMs, aloneSinceMs, costMs, ratio }) {
      const patience = Math.min(MOST_PATIENCE, Math.max(1, (nowMs - aloneSinceMs) / PATIENT_AFTER_MS));
      const wantedMs = LEAST_PAUSE_MS * Math.min(2, Math.max(1, ratio)) * patience;
      const pauseMs = Math.max(costMs / COST_SHARE, wantedMs);
      if (nowMs - Math.max(lastMs, learntAtMs) < pauseMs) return false;
      lastMs = nowMs;
      return true;
    },
  };
}

/** Faster than any link is thought to be. */
const BEST_BITS_PER_SECOND = 10e9;

/**
 * The most that a look at the link can show: no delay, no queue, a gateway that is not slower than it was measured. Round trips are
 * learnt from what is sent, so they are not taken as known.
 */
export function onBestLink({ deviceSlowdown, cloudSlowdown }: Conditions): Conditions {
  return {
    ...{ uplinkBitsPerSecond: BEST_BITS_PER_SECOND, downlinkBitsPerSecond: BEST_BITS_PER_SECOND },
    ...{ roundTripMs: 0, queueMs: 0, deviceSlowdown, cloudSlowdown: Math.min(1, cloudSlowdown) },
  };
}

export interface Probe {
  readonly arm: SplitArm;
  readonly encodeMs: number;
}

// Less says nothing of a fast link; and each byte is thought to be worth so much of the device's time.
const PROBE_BYTES = 4000;
const MS_PER_BYTE = 0.0003;

/** The arm whose encoding and bytes cost least, of those that send enough to tell; if none does, of all. */
export function cheapestProbe(
  ranked: readonly Prediction[],
  costOf: (id: string) => ArmCost | undefined,
): Probe | undefined {
  let best: (Probe & { readonly price: number }) | undefined;
  for (const { arm } of ranked) {
    const cost = arm.kind === 'split' ? costOf(arm.id) : undefined;
    if (!cost || arm.kind !== 'split') continue;
    const tooLittleMs = Math.max(0, PROBE_BYTES - cost.sentBytes);
    const price = cost.encodeMs + MS_PER_BYTE * cost.sentBytes + tooLittleMs;
    if (!best || price < best.price) best = { arm, encodeMs: cost.encodeMs, price };
  }
  return best;
}
