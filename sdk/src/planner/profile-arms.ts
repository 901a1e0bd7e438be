/** The arms of a plan from two profiles and what calibration saw travel. */
import { SplitError } from '../errors.ts';
import { armId } from './arm.ts';
import type { PlannedArm } from './planned-arm.ts';
import { checkSameModel, type Profile, type ProfiledCut, replyFrom } from './profile.ts';

/** One way of sending what crosses one cut, or the model's input. */
export interface Transfer {
  /** A cut of both profiles; `null` is the model's input: the whole model runs in the cloud. */
  readonly cutId: string | null;
  /** How it travels: a codec profile, or `image` for the application's picture. */
  readonly profile: string;
  readonly sentBytes: number;
  /** On the device that was profiled. */
  readonly encodeMs: number;
  /** In the cloud. @default 0 */
  readonly cloudCodecMs?: number;
  /** Share of accuracy that it loses; absent where nobody measured. */
  readonly accuracyLoss?: number;
  /** Absent where nobody looked. */
  readonly deviceMemoryBytes?: number;
  /** Bytes and encoding are guessed. @default false */
  readonly isGuess?: boolean;
  /** See PlannedArm. */
  readonly error?: number | null;
  readonly tables?: Readonly<Record<string, string>>;
  readonly isRefused?: boolean;
}

export interface ProfileArmsRequest {
  readonly edge: Profile;
  readonly cloud: Profile;
  readonly transfers: readonly Transfer[];
  /** What the whole model needs on the device; absent where nobody looked. */
  readonly wholeMemoryBytes?: number;
}

/**
 * `device` first, then one arm for each transfer.
 * @throws SplitError `model-mismatch` for profiles of two models, `cut-invalid` for a cut that one of them did not time
 */
export function armsFromProfiles(request: ProfileArmsRequest): readonly PlannedArm[] {
  checkSameModel(request.edge, request.cloud);
  return [deviceArm(request), ...request.transfers.map((transfer) => transferArm(request, transfer))];
}

function deviceArm({ edge, wholeMemoryBytes }: ProfileArmsRequest): PlannedArm {
  const { medianMs, isGuess } = edge.whole;
  return {
    id: 'device',
    kind: 'device',
    name: 'the device alone',
    depth: 1,
    cost: { headMs: medianMs, encodeMs: 0, sentBytes: 0, tailMs: 0, receivedBytes: 0, decodeMs: 0 },
    payloadBytes: 0,
    deviceMemoryBytes: wholeMemoryBytes ?? null,
    accuracyLoss: 0,
    sendsInput: false,
    isGuess,
    error: 0,
  };
}

function transferArm({ edge, cloud }: ProfileArmsRequest, transfer: Transfer): PlannedArm {
  const { cutId, profile, sentBytes, encodeMs, cloudCodecMs = 0 } = transfer;
  const reply = replyCost({ edge, cloud }, cutId);
  const stages = cutId === null ? inputStages(cloud) : cutStages(edge, cloud, cutId);
  return {
    id: armId(profile, { from: cutId ?? 'input' }),
    kind: cutId === null ? 'cloud' : 'split',
    name: `${stages.name} as ${profile}`,
    depth: stages.depth,
    cost: { headMs: stages.headMs, encodeMs, sentBytes, tailMs: stages.tailMs + cloudCodecMs, ...reply },
    payloadBytes: Math.max(sentBytes, reply.receivedBytes),
    deviceMemoryBytes: transfer.deviceMemoryBytes ?? null,
    accuracyLoss: transfer.accuracyLoss ?? null,
    sendsInput: cutId === null,
    isGuess: stages.isGuess || (transfer.isGuess ?? false),
    error: transfer.error ?? null,
    tables: transfer.tables ?? {},
    isRefused: transfer.isRefused ?? false,
  };
}

/** As the cloud packs it and the device unpacks it. */
export function replyCost(
  { edge, cloud }: Pick<ProfileArmsRequest, 'edge' | 'cloud'>,
  cutId: string | null,
): Pick<PlannedArm['cost'], 'receivedBytes' | 'decodeMs'> {
  return { receivedBytes: replyFrom(cloud, cutId).bytes, decodeMs: replyFrom(edge, cutId).decodeMs };
}

interface Stages {
  readonly name: string;
  readonly depth: number;
  readonly headMs: number;
  readonly tailMs: number;
  readonly isGuess: boolean;
}

function inputStages(cloud: Profile): Stages {
  return {
    name: 'the input',
    depth: 0,
    headMs: 0,
    tailMs: cloud.whole.medianMs,
    isGuess: cloud.whole.isGuess,
  };
}

function cutStages(edge: Profile, cloud: Profile, cutId: string): Stages {
  const here = edge.cuts.find(({ id }) => id === cutId);
  const there = cloud.cuts.find(({ id }) => id === cutId);
  if (!here || !there) {
    const which = here ? 'cloud' : 'device';
    throw new SplitError('cut-invalid', `cut ${cutId} is not in the profile of the ${which}`);
  }
  const isGuess = here.head.isGuess || there.tail.isGuess;
  return {
    name: cutName(edge, here),
    depth: here.depth,
    headMs: here.head.medianMs,
    tailMs: there.tail.medianMs,
    isGuess,
  };
}

/** Cuts are called by their largest tensor, which several may share. */
export function cutName({ cuts }: Profile, { name, depth }: ProfiledCut): string {
  const isShared = cuts.filter((cut) => cut.name === name).length > 1;
  return isShared ? `${name} at ${Math.floor(depth * 100)} %` : name;
}
