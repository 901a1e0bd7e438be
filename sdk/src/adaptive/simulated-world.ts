/** The world of a simulation: the link, the loads of device and gateway, and what each stage takes in it. */
import { type ArmCost, onDeviceMs, type StageTimes } from '../planner/cost-model.ts';
import type { TraceLink } from './trace-link.ts';

export interface World {
  readonly uplink: TraceLink;
  readonly roundTripMs: number;
  readonly downlinkBitsPerSecond: number;
  /** How many times slower than planned, at that time. @default 1 */
  readonly deviceSlowdown?: ((atMs: number) => number) | undefined;
  readonly cloudSlowdown?: ((atMs: number) => number) | undefined;
  /** Work of others that is found waiting at the gateway. @default 0 */
  readonly othersMs?: ((atMs: number) => number) | undefined;
  /** What one request's times on device and gateway are multiplied by. @default 1 and 1 */
  readonly noise?: ((device: number, request: number) => Noise) | undefined;
}

export interface Noise {
  readonly device: number;
  readonly cloud: number;
}

/** Where a request stands when its last byte reaches the gateway. */
export interface Sending {
  readonly headMs: number;
  readonly encodeMs: number;
  /** When the first byte leaves. */
  readonly sendAtMs: number;
  readonly arriveAtMs: number;
}

export function sendThrough(world: World, cost: ArmCost, startMs: number, noise: Noise): Sending {
  const slowdown = (world.deviceSlowdown?.(startMs) ?? 1) * noise.device;
  const [headMs, encodeMs] = [cost.headMs * slowdown, cost.encodeMs * slowdown];
  const sendAtMs = startMs + headMs + encodeMs;
  const sentAtMs = world.uplink.finishMs(sendAtMs, cost.sentBytes);
  return { headMs, encodeMs, sendAtMs, arriveAtMs: sentAtMs + world.roundTripMs / 2 };
}

export interface Answer {
  readonly stages: StageTimes;
  readonly answerAtMs: number;
}

/** @param served how long the request waited and ran at the gateway, and when it was done */
export function answerOf(
  world: World,
  cost: ArmCost,
  {
    sending,
    noise,
    served,
  }: {
    readonly sending: Sending;
    readonly noise: Noise;
    readonly served: { readonly queueMs: number; readonly tailMs: number; readonly doneAtMs: number };
  },
): Answer {
  const { headMs, encodeMs, sendAtMs, arriveAtMs } = sending;
  const { queueMs, tailMs, doneAtMs } = served;
  const downlinkMs = world.roundTripMs / 2 + (cost.receivedBytes * 8000) / world.downlinkBitsPerSecond;
  const slowdown = (world.deviceSlowdown?.(doneAtMs) ?? 1) * noise.device;
  const [decodeMs, lastMs] = [cost.decodeMs * slowdown, (cost.lastMs ?? 0) * slowdown];
  const uplinkMs = arriveAtMs - sendAtMs;
  return {
    stages: { headMs, encodeMs, uplinkMs, queueMs, tailMs, downlinkMs, decodeMs, lastMs },
    answerAtMs: doneAtMs + downlinkMs + decodeMs + lastMs,
  };
}

/** The whole model on the device. */
export function runHere(world: World, cost: ArmCost, startMs: number, noise: Noise): number {
  return onDeviceMs(cost) * (world.deviceSlowdown?.(startMs) ?? 1) * noise.device;
}

/** The same world for a device that is `shiftMs` ahead in the trace. */
export function shifted(world: World, shiftMs: number): World {
  if (shiftMs === 0) return world;
  const { uplink } = world;
  return {
    ...world,
    uplink: {
      durationMs: uplink.durationMs,
      bitsPerSecondAt: (atMs) => uplink.bitsPerSecondAt(atMs + shiftMs),
      finishMs: (startMs, bytes) => uplink.finishMs(startMs + shiftMs, bytes) - shiftMs,
    },
  };
}
