/** The smallest profile at a cut that changes the model's output by at most a share, as `cutpoint calibrate` would take it. */
import { calibrateTables } from '../../../sdk/src/codec/calibrate-tables.ts';
import { type CodecProfile, createCodec } from '../../../sdk/src/codec/codec.ts';
import { deflateNode } from '../../../sdk/src/codec/deflate-node.ts';
import { profileSteps } from '../../../sdk/src/codec/profile.ts';
import { CALIBRATION_LADDER, stepBetween } from '../../../sdk/src/profiler/calibrate-ladder.ts';
import { type Tensor, tensorBytes } from '../../../sdk/src/tensor.ts';
import { changeOf } from './agreement.ts';
import type { CutActivations } from './cut-model.ts';

/** Relative L2 of the final output, mean over the inputs. */
const BUDGET = 0.01;
/** Tails run for each profile. */
const INPUTS = 4;

export interface Budgeted {
  readonly profile: CodecProfile;
  /** float32 bytes to frame bytes. */
  readonly ratio: number;
  readonly error: number;
}

/** @param calibration other inputs than the last of the cut's, on which errors and bytes are measured */
export async function measureBudgeted(
  { tensors, tail }: CutActivations,
  calibration: readonly Tensor[],
): Promise<Budgeted> {
  const inputs = await Promise.all(
    tensors.slice(-INPUTS).map(async (tensor) => ({ tensor, exact: await tail(tensor) })),
  );
  const tried: Budgeted[] = [];
  for (const profile of CALIBRATION_LADDER) tried.push(await measure(profile));
  for (let more = 0; more < 2; more++) {
    const between = stepBetween(
      tried.map(({ profile, error }) => ({ profile, refused: !(error <= BUDGET) })),
    );
    if (between !== undefined) tried.push(await measure(between));
  }
  return tried.filter(({ error }) => error <= BUDGET).toSorted((a, b) => b.ratio - a.ratio)[0] as Budgeted;

  async function measure(profile: CodecProfile): Promise<Budgeted> {
    const isCoded = profileSteps(profile).numberFormat !== 0 && profile.endsWith('+context');
    const tables = isCoded ? await calibrateTables(calibration, profile) : undefined;
    const codec = createCodec({ deflate: deflateNode(), findTables: () => tables });
    let [whole, sent, error] = [0, 0, 0];
    for (const { tensor, exact } of inputs) {
      const frame = await codec.encode(tensor, profile, { tables });
      whole += tensorBytes(tensor).length;
      sent += frame.length;
      error += changeOf(exact, await tail(await codec.decode(frame))).relativeL2 / inputs.length;
    }
    return { profile, ratio: whole / sent, error };
  }
}
