/**
 * The activation codec on what really crosses cuts: two trained models and two generated ones, six cuts each, inputs from
 * a photograph. Bytes against order-0 entropy, deflate and zstd on the same symbols; speed beside memcpy; damage.
 */
import { calibrateTables } from '../../../sdk/src/codec/calibrate-tables.ts';
import type { CalibratedTables } from '../../../sdk/src/codec/entropy/calibrated-tables.ts';
import type { Tensor } from '../../../sdk/src/tensor.ts';
import type { Suite } from '../main.ts';
import { median } from '../statistics.ts';
import type { Change } from './agreement.ts';
import { type Budgeted, measureBudgeted } from './budgeted.ts';
import { measureChromium } from './chromium-speed.ts';
import { benchModels, type CutActivations, cutActivations } from './cut-model.ts';
import { measureDamage } from './damage.ts';
import { measurePreviousFrames } from './previous-frame.ts';
import { type CutSizes, measureSizes } from './sizes.ts';
import { addSpeeds, type CutSpeed, measureSpeed } from './speed.ts';
import { measureStages } from './stages.ts';

const IS_QUICK = process.argv.includes('--quick');

/**
 * The first half of the inputs to calibrate with, the other half to measure. With `--quick` a third of them: for a look
 * while working, not for docs/benchmarks.md.
 */
const INPUTS: number = IS_QUICK ? 6 : 18;
/** Of each trained model, to see the damage: two models, over 200 inputs. */
const DAMAGE_INPUTS: number = IS_QUICK ? 6 : 108;

export const codecSuite: Suite = {
  async run(progress) {
    const sizes: CutSizes[] = [];
    const speeds: CutSpeed[] = [];
    const trained: number[] = [];
    const generated: number[] = [];
    const lasts: Tensor[] = [];
    const budgets: Budgeted[] = [];
    for (const model of benchModels()) {
      const cutModel = await cutActivations(model, INPUTS);
      const { cuts } = cutModel;
      const allTables = [];
      for (const { tensors } of cuts)
        allTables.push(await calibrateTables(tensors.slice(0, INPUTS / 2), 'uint8+context'));
      const damage = await measureDamage(
        model,
        cutModel,
        allTables,
        model.isTrained ? DAMAGE_INPUTS : INPUTS,
      );
      const agreements = damage.flat().map(({ agreement }) => agreement);
      (model.isTrained ? trained : generated).push(...agreements);
      for (const [index, cut] of cuts.entries()) {
        const [calibration, measured] = [cut.tensors.slice(0, INPUTS / 2), cut.tensors.slice(INPUTS / 2)];
        const tables = allTables[index] as CalibratedTables;
        const narrowTables = await calibrateTables(calibration, 'uint4+context');
        const size = await measureSizes(measured, { tables, narrowTables });
        const speed = await measureSpeed(tables, measured.at(-1));
        sizes.push(size);
        speeds.push(speed);
        progress(lineOf(cut, size, speed, damage[index] ?? []));
        const budgeted = await measureBudgeted(cut, calibration);
        budgets.push(budgeted);
        progress(
          `  within 1 % of the final output: ${budgeted.profile} ${budgeted.ratio.toFixed(2)}x at ${(100 * budgeted.error).toFixed(2)} %`,
        );
        lasts.push(cut.tensors.at(-1) as Tensor);
        const stages = await measureStages(cut.tensors.at(-1) as Tensor);
        progress(
          `  ms: ${Object.entries(stages)
            .map(([name, ms]) => `${name} ${ms.toFixed(2)}`)
            .join(', ')}`,
        );
      }
      await cutModel.close();
    }
    return {
      ...summarise(sizes),
      ...addSpeeds(speeds),
      int8Agreement: mean(trained),
      int8AgreementGenerated: mean(generated),
      int8Runs: trained.length,
      int8Inputs: 2 * DAMAGE_INPUTS,
      budgetedRatio: geometricMean(budgets.map(({ ratio }) => ratio)),
      ...(await measureChromium(lasts)),
      ...(await measurePreviousFrames(progress)),
    };
  },
};

/** One number a figure: geometric means over the cuts, except where a limit is meant to hold for each. */
function summarise(sizes: readonly CutSizes[]): Record<string, number> {
  const ratio = (of: (size: CutSizes) => number) => geometricMean(sizes.map(of));
  const long = sizes.filter(({ symbols }) => symbols >= 300_000);
  return {
    contextVsOrder0: 1 - ratio(({ context, rivals }) => context / rivals.order0),
    contextVsZstd: 1 - ratio(({ context, rivals }) => context / rivals.zstdUpTo9),
    contextVsZstd19: 1 - ratio(({ context, rivals }) => context / rivals.zstd19),
    contextVsDeflate: 1 - ratio(({ context, rivals }) => context / rivals.deflate6),
    contextVsLz4: 1 - ratio(({ context, rivals }) => context / rivals.lz4),
    uint4ContextVsZstd: 1 - ratio(({ narrow, narrowRivals }) => narrow / narrowRivals.zstdUpTo9),
    calibratedVsSelf: ratio(({ context, selfTrained }) => context / selfTrained) - 1,
    overheadBytes: Math.max(...sizes.map(({ overheadBytes }) => overheadBytes)),
    overheadBytesMedian: median(sizes.map(({ overheadBytes }) => overheadBytes)),
    order0VsEntropy: Math.max(...long.map(({ order0Rans, rivals }) => order0Rans / rivals.order0)) - 1,
    int8Ratio: ratio(({ tensor, context }) => tensor / context),
  };
}

function lineOf(cut: CutActivations, size: CutSizes, speed: CutSpeed, changes: readonly Change[]): string {
  const bits = (bytes: number) => ((8 * bytes) / size.symbols).toFixed(2);
  const { order0, zstdUpTo9, zstd19 } = size.rivals;
  return [
    cut.name.padEnd(38),
    (cut.tensors[0]?.dims ?? []).join('x').padEnd(14),
    `bits: order-0 ${bits(order0)} zstd9 ${bits(zstdUpTo9)} zstd19 ${bits(zstd19)} self ${bits(size.selfTrained)} context ${bits(size.context)} (${size.model})`,
    `MB/s: ${Math.round(speed.bytes / speed.encodeMs / 1000)} ${Math.round(speed.bytes / speed.decodeMs / 1000)}`,
    `final L2 ${(100 * mean(changes.map(({ relativeL2 }) => relativeL2))).toFixed(2)} % agree ${(100 * mean(changes.map(({ agreement }) => agreement))).toFixed(2)} %`,
  ].join('  ');
}

function geometricMean(values: readonly number[]): number {
  return Math.exp(mean(values.map(Math.log)));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
