/** Arms that calibration measured and no profile timed: a coder takes about as long in one number format as in another. */
import type { CalibratedArm } from './calibration.ts';
import type { ProfiledTransfer } from './profile.ts';

/**
 * What such an arm would be in a profile: its own bytes, and the slowest times of the same cut in another format with the
 * same coder, which are a guess. Nothing where no such format was timed.
 */
export function guessedTransfer(
  { cutId, profile, sentBytes }: CalibratedArm,
  timed: readonly ProfiledTransfer[],
): ProfiledTransfer | undefined {
  const alike = timed.filter(
    (transfer) => transfer.cutId === cutId && coderOf(transfer.profile) === coderOf(profile),
  );
  if (alike.length === 0) return undefined;
  const decodeMs = alike.flatMap((transfer) => (transfer.decodeMs === null ? [] : [transfer.decodeMs]));
  return {
    cutId,
    profile,
    sentBytes,
    spreadBytes: 0,
    encodeMs: Math.max(...alike.map(({ encodeMs }) => encodeMs)),
    decodeMs: decodeMs.length > 0 ? Math.max(...decodeMs) : null,
    isGuess: true,
  };
}

/** `context` of `uint8+context` and of `step:0.1+context`; nothing of a format alone. */
function coderOf(profile: string): string {
  const [, ...coder] = profile.split('+');
  return coder.join('+');
}
