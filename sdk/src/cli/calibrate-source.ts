/** What `plan --calibrate` names: a calibration's file, a folder with one in it, or a folder of inputs to make one from. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isCodecProfile } from '../codec/codec.ts';
import { SplitError } from '../errors.ts';
import { type Calibration, readCalibration } from '../planner/calibration.ts';
import type { Profile } from '../planner/profile.ts';
import { sharedCuts } from '../planner/profile-transfers.ts';
import { L2_METRIC } from '../profiler/calibrate-metric.ts';
import { makeCalibration } from './calibrate-run.ts';
import type { WayRules } from './model-ways.ts';
import { readJson } from './read-document.ts';
import type { World } from './verb.ts';

export interface CalibrationContext {
  /** Of the model. */
  readonly path: string;
  readonly edge: Profile;
  readonly cloud: Profile;
  /** Arms of several cuts that the plan has. */
  readonly ways: WayRules;
  readonly world: World;
}

/** @throws SplitError `options-invalid`, and what makeCalibration throws */
export async function calibrationFrom(source: string, context: CalibrationContext): Promise<Calibration> {
  const found = await stat(source).catch((cause: unknown) => {
    throw new SplitError('options-invalid', `cannot read --calibrate ${source}: ${cause}`, { cause });
  });
  if (!found.isDirectory()) return readCalibration(await readJson(source));
  const inside = join(source, 'calibration.json');
  const isThere = await stat(inside).then(
    () => true,
    () => false,
  );
  return isThere ? readCalibration(await readJson(inside)) : calibrateNow(source, context);
}

/** Exactly what the profiles timed. Without a budget: what may be lost is for the policy's maxAccuracyLoss to say. */
async function calibrateNow(
  inputs: string,
  { path, edge, cloud, ways, world }: CalibrationContext,
): Promise<Calibration> {
  const cuts = sharedCuts(edge, cloud).map(({ id }) => id);
  const timed = edge.transfers.flatMap(({ cutId, profile }) => (cutId === null ? [] : [profile]));
  const job = {
    shape: edge.inputShapes,
    inputs,
    metric: L2_METRIC,
    cuts: cuts.join(','),
    profiles: [...new Set(timed)].filter(isCodecProfile),
    maxCuts: Math.max(1, cuts.length),
    ways,
  };
  return (await makeCalibration(path, job, world)).calibration;
}
