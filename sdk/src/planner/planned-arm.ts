/** An arm as a plan knows it: what it costs, what it needs, and what it does to the answers. */
import { type ArmCost, onDeviceMs } from './cost-model.ts';
import type { Line } from './envelope.ts';

export interface PlannedArm {
  /** As in arm.ts: `device`, or cut id and profile. */
  readonly id: string;
  readonly kind: 'device' | 'cloud' | 'split';
  /** What people call it: the cut's name and the profile. */
  readonly name: string;
  /** Share of the nodes that run on the device, 0 to 1. */
  readonly depth: number;
  readonly cost: ArmCost;
  /** Largest message in bytes, sent or received. */
  readonly payloadBytes: number;
  /** What the device must hold, weights and activations, in bytes; `null` where nobody looked. */
  readonly deviceMemoryBytes: number | null;
  /** Share of accuracy that it loses against the whole model in float32, measured; `null` where nobody measured. */
  readonly accuracyLoss: number | null;
  /** Whether the model's input, or a picture of it, leaves the device. */
  readonly sendsInput: boolean;
  /** Of a U: every output of the model is made on the device. @default false */
  readonly keepsOutputs?: boolean | undefined;
  /** Whether any of its times is a guess and not a measurement. */
  readonly isGuess: boolean;
  /** Relative L2 of the final outputs against the uncut model's, from calibration. @default null, nobody measured */
  readonly error?: number | null;
  /** By name of the tensor: which of the plan's coder tables it uses. @default none */
  readonly tables?: Readonly<Record<string, string>>;
  /** Calibration found it over its budget of accuracy. @default false */
  readonly isRefused?: boolean;
}

/** What all arms share while they are planned. */
export interface PlanLink {
  /** Of an empty message, there and back. */
  readonly roundTripMs: number;
  readonly downlinkBitsPerSecond: number;
  /** Time in the gateway's queue. */
  readonly queueMs: number;
}

/** The arm's latency on every uplink, the cloud being `cloudSlowdown` times slower than measured. */
export function armLine(arm: PlannedArm, link: PlanLink, cloudSlowdown = 1): Line {
  const { tailMs, receivedBytes, sentBytes } = arm.cost;
  const hereMs = onDeviceMs(arm.cost);
  if (arm.kind === 'device') return { fixedMs: hereMs, bytes: 0 };
  const backMs = (receivedBytes * 8000) / link.downlinkBitsPerSecond;
  const awayMs = link.roundTripMs + link.queueMs + tailMs * cloudSlowdown + backMs;
  return { fixedMs: hereMs + awayMs, bytes: sentBytes };
}
