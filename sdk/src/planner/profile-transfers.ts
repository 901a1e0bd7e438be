/** What both profiles, and a calibration where there is one, say about each way of sending something. */

import { SplitError } from '../errors.ts';
import { guessedTransfer } from './calibrated-transfers.ts';
import type { CalibratedArm, Calibration } from './calibration.ts';
import { checkSameModel, type Profile, type ProfiledTransfer, replyFrom } from './profile.ts';
import type { Transfer } from './profile-arms.ts';

export interface TransferSources {
  readonly edge: Profile;
  readonly cloud: Profile;
  readonly calibration?: Calibration | undefined;
}

/**
 * One for each cut and codec profile that both machines timed, those of the input among them; bytes and encoding are the
 * device's, decoding is the cloud's. Of calibrated arms the bytes are calibration's, which counted with its tables; those
 * that were not timed get guessed times.
 * @throws SplitError `model-mismatch` where one of the files is of another model
 */
export function transfersOf({ edge, cloud, calibration }: TransferSources): readonly Transfer[] {
  checkSameModel(edge, cloud);
  checkCalibration(edge, calibration);
  const cuts = new Set(sharedCuts(edge, cloud).map(({ id }) => id));
  const arms = calibration?.arms ?? [];
  const decoded = new Map(withGuesses(cloud, arms).map((transfer) => [keyOf(transfer), transfer.decodeMs]));
  const calibrated = new Map(arms.map((arm) => [keyOf(arm), arm]));
  return withGuesses(edge, arms).flatMap((transfer) => {
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
        cloudCodecMs: (decodeMs ?? 0) + replyFrom(cloud, transfer.cutId).encodeMs,
        // A session keeps the whole model, to answer without the cloud.
        ...(edge.peakMemoryBytes !== null && { deviceMemoryBytes: edge.peakMemoryBytes }),
        ...lossOf(transfer, calibrated.get(key)),
      },
    ];
  });
}

/** What the machine timed, and what calibration found beyond that. */
function withGuesses({ transfers }: Profile, arms: readonly CalibratedArm[]): readonly ProfiledTransfer[] {
  const timed = new Set(transfers.map(keyOf));
  const others = arms.filter((arm) => !timed.has(keyOf(arm)));
  return [...transfers, ...others.flatMap((arm) => guessedTransfer(arm, transfers) ?? [])];
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
