/** What both profiles, and a calibration where there is one, say about each way of sending something. */

import { SplitError } from '../errors.ts';
import type { CalibratedArm, Calibration } from './calibration.ts';
import { checkSameModel, type Profile, type ProfiledTransfer } from './profile.ts';
import type { Transfer } from './profile-arms.ts';

export interface TransferSources {
  readonly edge: Profile;
  readonly cloud: Profile;
  readonly calibration?: Calibration | undefined;
}

/**
 * One for each cut and codec profile that both machines timed, those of the input among them; bytes and encoding are the
 * device's, decoding is the cloud's. Of calibrated arms the bytes are calibration's, which counted with its tables.
 * @throws SplitError `model-mismatch` where one of the files is of another model
 */
export function transfersOf({ edge, cloud, calibration }: TransferSources): readonly Transfer[] {
  checkSameModel(edge, cloud);
  checkCalibration(edge, calibration);
  const cuts = new Set(sharedCuts(edge, cloud).map(({ id }) => id));
  const decoded = new Map(cloud.transfers.map((transfer) => [keyOf(transfer), transfer.decodeMs]));
  const calibrated = new Map(calibration?.arms.map((arm) => [keyOf(arm), arm]));
  return edge.transfers.flatMap((transfer) => {
    const key = keyOf(transfer);
    const decodeMs = decoded.get(key);
    const isTimed = transfer.cutId === null || cuts.has(transfer.cutId);
    if (!isTimed || (decodeMs === undefined && transfer.profile !== 'image')) return [];
    return [
      {
        cutId: transfer.cutId,
        profile: transfer.profile,
        sentBytes: transfer.sentBytes,
        encodeMs: transfer.encodeMs,
        isGuess: transfer.isGuess,
        cloudCodecMs: (decodeMs ?? 0) + cloud.reply.encodeMs,
        // A session keeps the whole model, to answer without the cloud.
        ...(edge.peakMemoryBytes !== null && { deviceMemoryBytes: edge.peakMemoryBytes }),
        ...lossOf(transfer, calibrated.get(key)),
      },
    ];
  });
}

/** Cuts that both machines timed, by depth. */
export function sharedCuts(edge: Profile, cloud: Profile): Profile['cuts'] {
  const there = new Set(cloud.cuts.map(({ id }) => id));
  return edge.cuts.filter(({ id }) => there.has(id));
}

function keyOf({ cutId, profile }: Pick<ProfiledTransfer, 'cutId' | 'profile'>): string {
  return `${cutId ?? 'input'}/${profile}`;
}

function lossOf({ cutId, profile }: ProfiledTransfer, arm: CalibratedArm | undefined): Partial<Transfer> {
  // The input as it is: what the model computes from it is what it computes.
  if (cutId === null && profile.startsWith('float32')) return { accuracyLoss: 0, error: 0 };
  if (!arm) return {};
  const { sentBytes, error, accuracyLoss, tables, refused: isRefused } = arm;
  return { sentBytes, error, tables, isRefused, ...(accuracyLoss !== null && { accuracyLoss }) };
}

function checkCalibration({ modelDigest }: Profile, calibration: Calibration | undefined): void {
  if (!calibration || calibration.modelDigest === modelDigest) return;
  const [theirs, ours] = [calibration.modelDigest, modelDigest].map((digest) => digest.slice(0, 12));
  throw new SplitError('model-mismatch', `the calibration is of model ${theirs}, the profiles of ${ours}`);
}
