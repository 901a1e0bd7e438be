/** The trace of one run: what was chosen, what was sent, and how long each stage took. */
import type { ErrorCode } from '../errors.ts';
import type { Arm } from '../planner/arm.ts';
import type { StageTimes } from '../planner/cost-model.ts';

export interface Trace extends StageTimes {
  /** The arm's id: `device`, or cut id and profile. */
  readonly arm: string;
  /** The tensor by which the cut is called; `device` and `input` for the two ends. */
  readonly cut: string;
  /** The cut's place as a share of the model's nodes: 0 all in the cloud, 1 all on the device. */
  readonly depth: number;
  /** Of a U: the tensor by which the cut is called behind which the device went on. */
  readonly to?: string;
  /** How the activations travelled; `undefined` on the device. */
  readonly profile: string | undefined;
  readonly gateway: string | undefined;
  /**
   * Of a pipeline: the stages behind the first gateway, in their order, as they measured themselves; `elapsedMs` is from sending
   * to the answer. `tailMs` holds all of it.
   */
  readonly stages?: readonly TracedStage[];
  /** Standard deviation of the noise over what was sent, as a share of that of each tensor's own values. */
  readonly noise?: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** Times the request was sent. 0 on the device. */
  readonly attempts: number;
  /** From the call of `run` to its answer, in milliseconds. */
  readonly totalMs: number;
  /** `local`: the cloud did not answer and the device did. `headMs` then holds all the device's work. */
  readonly fallback?: 'local';
  /** Why the cloud did not answer. */
  readonly reason?: ErrorCode;
}

export interface TracedStage extends Pick<StageTimes, 'queueMs' | 'tailMs' | 'encodeMs' | 'decodeMs'> {
  readonly gateway: string;
  readonly elapsedMs: number;
}

export const NO_STAGES: StageTimes = Object.freeze({
  headMs: 0,
  encodeMs: 0,
  uplinkMs: 0,
  queueMs: 0,
  tailMs: 0,
  downlinkMs: 0,
  decodeMs: 0,
});

export interface TraceDetails {
  readonly totalMs: number;
  readonly gateway?: string;
  readonly stages?: readonly TracedStage[];
  readonly noise?: number;
  readonly sentBytes?: number;
  readonly receivedBytes?: number;
  readonly attempts?: number;
  readonly reason?: ErrorCode | undefined;
}

export function makeTrace(arm: Arm, stages: StageTimes, details: TraceDetails): Trace {
  const { reason, ...rest } = details;
  return {
    arm: arm.id,
    cut: cutName(arm),
    depth: arm.kind === 'device' ? 1 : arm.cut.depth,
    ...(arm.kind === 'split' && arm.to && { to: arm.to.name }),
    profile: arm.kind === 'device' ? undefined : arm.profile,
    gateway: undefined,
    sentBytes: 0,
    receivedBytes: 0,
    attempts: 0,
    ...rest,
    ...stages,
    ...(reason === undefined ? {} : { fallback: 'local', reason }),
  };
}

export function cutName(arm: Arm): string {
  if (arm.kind === 'device') return 'device';
  return arm.cut.position === 0 ? 'input' : arm.cut.name;
}
