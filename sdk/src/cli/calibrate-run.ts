/** Makes a calibration, in the executor that a session opens for the same cuts. */
import { type CodecProfile, createCodec } from '../codec/codec.ts';
import { deflateNode } from '../codec/deflate-node.ts';
import { zstdNode } from '../codec/zstd-node.ts';
import { candidateCuts } from '../cut/candidates.ts';
import type { Cut } from '../cut/cut.ts';
import { SplitError } from '../errors.ts';
import type { Calibration } from '../planner/calibration.ts';
import type { Metric } from '../profiler/calibrate-metric.ts';
import { calibrateModel } from '../profiler/calibrate-model.ts';
import { openExecutor } from '../session/open-executor.ts';
import type { SplitModel } from '../session/open-model.ts';
import type { Tensors } from '../tensor.ts';
import { readInputSets } from './input-sets.ts';
import { type ModelFlags, type OpenedModel, withModel } from './model-flags.ts';
import { modelWays, type WayRules } from './model-ways.ts';
import { atShapesOf } from './profile-run.ts';
import type { World } from './verb.ts';

export interface CalibrationJob extends ModelFlags {
  readonly inputs: string;
  readonly budget?: number | undefined;
  readonly metric: Metric;
  /** Names or ids, with commas. @default those that a session offers */
  readonly cuts?: string | undefined;
  readonly profiles: readonly CodecProfile[];
  readonly maxCuts: number;
  /** Arms of several cuts to measure as well, as a plan has them. @default none */
  readonly ways?: WayRules | undefined;
}

export interface MadeCalibration {
  readonly calibration: Calibration;
  /** The cuts that it is of, by depth. */
  readonly cuts: readonly Cut[];
}

/** @throws SplitError `options-invalid`, `model-invalid`, `cut-invalid`, `runtime-failed` */
export function makeCalibration(path: string, job: CalibrationJob, world: World): Promise<MadeCalibration> {
  return withModel(path, job, async (opened) => {
    const inputs = await readInputSets(job.inputs, opened.model.inputs);
    const sized = await atShapesOf(opened, inputs[0] ?? {});
    const cuts = wantedCuts(sized.model, job);
    return { cuts, calibration: await measure(sized, { inputs, cuts }, { job, world }) };
  });
}

interface What {
  readonly inputs: readonly Tensors[];
  readonly cuts: readonly Cut[];
}

async function measure(
  { model, runtime }: OpenedModel,
  { inputs, cuts }: What,
  { job, world }: { readonly job: CalibrationJob; readonly world: World },
): Promise<Calibration> {
  const [feeds] = inputs;
  const executor = await openExecutor(model, cuts, runtime, { feeds });
  const say = (text: string) => world.showsProgress && world.writeError(text);
  try {
    return await calibrateModel({
      executor,
      createCodec: (findTables) => createCodec({ deflate: deflateNode(), zstd: zstdNode(), findTables }),
      inputs,
      fetches: model.outputs.map(({ name }) => name),
      profiles: job.profiles,
      metric: job.metric,
      budget: job.budget ?? null,
      modelDigest: model.digest,
      ways: job.ways && modelWays(model, new Set(cuts.map(({ id }) => id)), job.ways),
      onCut: (_, place) => say(`\rcut ${place + 1} of ${cuts.length}`),
      onWay: (place, count) => say(`\r\u001b[Kway ${place + 1} of ${count}`),
    });
  } finally {
    say('\r\u001b[K');
    await executor.close();
  }
}

/** Those inside the model: the input itself travels exactly. */
export function wantedCuts(
  { cuts, graph }: SplitModel,
  { cuts: list, maxCuts }: Pick<CalibrationJob, 'cuts' | 'maxCuts'>,
): readonly Cut[] {
  if (list === undefined) return candidateCuts(cuts, graph, { limit: maxCuts });
  const inside = cuts.filter(({ position }) => position > 0 && position < graph.nodes.length);
  const wanted = list.split(',').map((name) => cutCalled(inside, name.trim()));
  return inside.filter((cut) => wanted.includes(cut));
}

function cutCalled(cuts: readonly Cut[], wanted: string): Cut {
  const found = cuts.filter(({ id, name }) => id === wanted || name === wanted);
  const [only] = found;
  if (only && found.length === 1) return only;
  const why = only
    ? `names ${found.length} cuts; say which by its id: ${found.map(({ id }) => id).join(', ')}`
    : 'is not a cut inside the model; cutpoint inspect lists them';
  throw new SplitError('options-invalid', `--cuts: '${wanted.slice(0, 200)}' ${why}`);
}
