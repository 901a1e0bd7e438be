/** The profiles that a calibration tries at a cut: a fixed ladder, then steps between the last good and the first bad one. */
import type { CodecProfile, StepProfile } from '../codec/profile.ts';
import { isCodecProfile, profileSteps } from '../codec/profile.ts';

/** From lossless to what most models will not stand. */
export const CALIBRATION_LADDER: readonly CodecProfile[] = [
  'float32+deflate',
  'float16+deflate',
  'uint8+context',
  'uint8-channels+context',
  'uint4-channels+context',
  'uint4+context',
  'step:0.05+context',
  'step:0.1+context',
  'step:0.2+context',
  'step:0.4+context',
  'step:0.8+context',
];

/** A verdict on one profile. */
export interface Tried {
  readonly profile: CodecProfile;
  readonly refused: boolean;
}

/** Steps that are closer than this send nearly the same bytes. */
const CLOSE_ENOUGH = 1.2;

/** The step half-way between the largest that keeps the budget and the next that does not; nothing where they are close. */
export function stepBetween(tried: readonly Tried[]): StepProfile | undefined {
  const steps = tried.flatMap(({ profile, refused }) => {
    const { share } = profileSteps(profile);
    return share === undefined ? [] : [{ share, refused }];
  });
  const good = Math.max(...steps.filter(({ refused }) => !refused).map(({ share }) => share));
  const bad = Math.min(
    ...steps.filter((step) => step.refused && step.share > good).map(({ share }) => share),
  );
  if (!Number.isFinite(good) || !Number.isFinite(bad) || bad / good < CLOSE_ENOUGH) return undefined;
  const share = Number(Math.sqrt(good * bad).toPrecision(2));
  const profile: StepProfile = `step:${share}+context`;
  return share > good && share < bad && isCodecProfile(profile) ? profile : undefined;
}
