/** Whoever chooses arms in a simulation: the controller, the oracle, and what they are compared with. */

import type { Decision } from './decision.ts';
import type { AnnouncedLoad, Observation } from './estimate.ts';
import type { PlayedArm } from './simulated-plan.ts';

export type PolicyDecision = Pick<Decision, 'arm'> &
  Partial<Pick<Decision, 'giveUpAfterMs' | 'probe' | 'change'>>;

export interface Situation {
  readonly nowMs: number;
  /** What the request would take by an arm, were nothing else sent: only the oracle may look. */
  trueMs(arm: PlayedArm): number;
  /** The rate of the link now: for tables that are told it from time to time. */
  uplinkBitsPerSecond(): number;
}

export interface Policy {
  readonly name: string;
  decide(situation: Situation): PolicyDecision;
  /** A gateway is asked for the first time, or has announced itself anew. */
  meet?(gateway: { readonly load: AnnouncedLoad; readonly roundTripMs: number }): void;
  observe?(observation: Observation, totalMs: number, nowMs: number): void;
  observeSilence?(arm: PlayedArm['arm'], waitedMs: number, nowMs: number): void;
}

/** Made anew for every device. */
export type PolicyMaker = (arms: readonly PlayedArm[]) => Policy;
