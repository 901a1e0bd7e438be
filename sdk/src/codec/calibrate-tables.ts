/** Calibration: coder tables from tensors like those that will be sent. */
import { SplitError } from '../errors.ts';
import type { Tensor } from '../tensor.ts';
import type { CalibratedTables } from './entropy/calibrated-tables.ts';
import { nameTables } from './entropy/calibrated-tables.ts';
import { fitTables } from './entropy/fit-tables.ts';
import { gridOf, usualLayout } from './entropy/grid.ts';
import { ENTROPY_IDS } from './frame.ts';
import type { Kernels } from './kernels/kernels.ts';
import { loadKernels } from './kernels/wasm.ts';
import { findFormat, numberFormats } from './number-format/formats.ts';
import { uniformStepFormat } from './number-format/uniform-step.ts';
import type { CodecProfile } from './profile.ts';
import { profileSteps } from './profile.ts';

/**
 * Tables for one tensor of a cut in one profile. A handful of typical inputs is enough; what they lack costs bytes,
 * never the message.
 * @param tensors of any batch size, but of one rank; empty ones and those that the number format cannot keep are left out
 * @param profile one that ends in `+rans` or `+context`
 * @throws SplitError `codec-invalid` when the profile has no tables, or no tensor is left
 */
export async function calibrateTables(
  tensors: readonly Tensor[],
  profile: CodecProfile,
  given?: Kernels,
): Promise<CalibratedTables> {
  const kernels = given ?? (await loadKernels());
  const { numberFormat, entropy, share } = profileSteps(profile);
  if (entropy !== ENTROPY_IDS.rans && entropy !== ENTROPY_IDS.contextRans) {
    throw new SplitError('codec-invalid', `profile "${profile}" has no tables`);
  }
  const format =
    share === undefined
      ? findFormat(numberFormats(kernels), numberFormat)
      : uniformStepFormat(kernels, share);
  const samples = tensors.flatMap((tensor) => {
    const symbols = format.encode(tensor)?.payload;
    if (symbols === undefined || symbols.length === 0) return [];
    const layout = usualLayout(tensor.dims);
    const channels = (layout === 'planar' ? tensor.dims[1] : tensor.dims.at(-1)) ?? 1;
    return [{ symbols, grid: gridOf(tensor.dims, layout), channels }];
  });
  if (samples.length === 0) throw new SplitError('codec-invalid', `no tensor for "${profile}" to learn from`);
  const limit = entropy === ENTROPY_IDS.rans ? { maxContexts: 1 } : {};
  return nameTables(fitTables(samples, { kernels, isCalibration: true, ...limit }));
}
