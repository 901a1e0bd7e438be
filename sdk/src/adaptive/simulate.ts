/** Plays requests of one or more devices against a link and one gateway, on a virtual clock. */
import type { ArmChange } from './decision.ts';
import { createEventQueue } from './event-queue.ts';
import type { PolicyMaker } from './policy.ts';
import { singleGateway } from './simulated-cloud.ts';
import { createSimulatedDevice, type Turns } from './simulated-device.ts';
import type { PlayedArm } from './simulated-plan.ts';
import { shifted, type World } from './simulated-world.ts';

export interface SimulationOptions {
  readonly arms: readonly PlayedArm[];
  readonly world: World;
  readonly policy: PolicyMaker;
  /** From the first request to the last one's start. */
  readonly durationMs: number;
  /** A request is made this often; one that is still under way takes the next ones' places. 0: one after the other. @default 0 */
  readonly everyMs?: number | undefined;
  /** Devices at the one gateway, their traces shifted against each other. @default 1 */
  readonly devices?: number | undefined;
}

export interface PlayedRequest {
  readonly device: number;
  readonly startMs: number;
  readonly totalMs: number;
  readonly armId: string;
  /**
   * The best arm for this request and its time, had one known; what other requests do is as it was. Empty and not a number where
   * nobody asked for it.
   */
  readonly bestId: string;
  readonly bestMs: number;
  readonly uplinkBitsPerSecond: number;
  readonly isProbing: boolean;
  /**
   * Whose answer came first: that of the arm chosen; the device's, which for a cut means that the cloud's was late; or that
   * of the probe which was sent beside the device's own run.
   */
  readonly answeredBy: 'chosen' | 'device' | 'probe';
  readonly change: ArmChange | undefined;
}

/** All requests by the time of their start. The same options give the same requests. */
export function simulate(options: SimulationOptions): readonly PlayedRequest[] {
  const { devices = 1, durationMs } = options;
  const events = createEventQueue();
  const cloud = singleGateway(options.world);
  const played: PlayedRequest[] = [];
  for (let index = 0; index < devices; index++) {
    const shiftMs = (index * options.world.uplink.durationMs) / devices;
    const device = createSimulatedDevice({
      ...{ index, arms: options.arms, world: shifted(options.world, shiftMs), cloud, events },
      policy: options.policy(options.arms),
      turns: steadyTurns(options.everyMs ?? 0),
      record: (request) => played.push(request),
      isOver: (nowMs) => nowMs > durationMs,
    });
    device.startAt(0);
  }
  events.runUntil(Number.POSITIVE_INFINITY);
  return played.toSorted((a, b) => a.startMs - b.startMs || a.device - b.device);
}

/** A request every so often; one that is still under way takes the next ones' places. */
function steadyTurns(everyMs: number): Turns {
  return (startMs, answerAtMs) =>
    everyMs === 0 ? answerAtMs : Math.max(startMs + everyMs, Math.ceil(answerAtMs / everyMs) * everyMs);
}
