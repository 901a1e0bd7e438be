/** Measures leakage, in the executor that a session opens for the same cuts. */
import { type CodecProfile, createCodec } from '../codec/codec.ts';
import { deflateNode } from '../codec/deflate-node.ts';
import { zstdNode } from '../codec/zstd-node.ts';
import type { Cut } from '../cut/cut.ts';
import { SplitError } from '../errors.ts';
import { type Leakage, measureLeakage } from '../leakage/measure-leakage.ts';
import { openExecutor } from '../session/open-executor.ts';
import type { Tensors } from '../tensor.ts';
import { seededRandom } from '../testing/random.ts';
import { wantedCuts } from './calibrate-run.ts';
import { readInputSets } from './input-sets.ts';
import type { LeakageFlags } from './leakage.ts';
import { type OpenedModel, withModel } from './model-flags.ts';
import { atShapesOf } from './profile-run.ts';
import type { World } from './verb.ts';

/** What was measured, and what the reader has to know of how. */
export interface FoundLeakage extends Leakage {
  readonly modelDigest: string;
  readonly runtime: string;
  readonly target: string;
  readonly profile: CodecProfile;
  readonly budget: number;
  readonly seed: number;
}

/** @throws SplitError `options-invalid`, `model-invalid`, `cut-invalid`, `runtime-failed` */
export function runLeakage(path: string, flags: LeakageFlags, world: World): Promise<FoundLeakage> {
  return withModel(path, flags, async (opened) => {
    const inputs = await readInputSets(flags.inputs, opened.model.inputs);
    const sized = await atShapesOf(opened, inputs[0] ?? {});
    return await measure(sized, { flags, inputs, cuts: wantedCuts(sized.model, flags) }, world);
  });
}

interface What {
  readonly flags: LeakageFlags;
  readonly inputs: readonly Tensors[];
  readonly cuts: readonly Cut[];
}

async function measure(
  { model, runtime }: OpenedModel,
  { flags, inputs, cuts }: What,
  world: World,
): Promise<FoundLeakage> {
  const { budget, seed, side: mostSide, noise: noiseLevels } = flags;
  const [profile, second] = flags.profile;
  if (profile === undefined || second !== undefined)
    throw new SplitError('options-invalid', '--profile takes one codec profile');
  const [feeds = {}] = inputs;
  const target = flags.target ?? Object.keys(feeds).find((name) => feeds[name]?.type === 'float32') ?? '';
  const executor = await openExecutor(model, cuts, runtime, { feeds });
  const say = (text: string) => world.showsProgress && world.writeError(text);
  try {
    const leakage = await measureLeakage({
      ...{ executor, inputs, target, profile, noiseLevels, mostSide },
      codec: createCodec({ deflate: deflateNode(), zstd: zstdNode() }),
      fetches: model.outputs.map(({ name }) => name),
      random: seededRandom(seed),
      onCut: (_, place) => say(`\rcut ${place + 1} of ${cuts.length}`),
    });
    const about = { modelDigest: model.digest, runtime: runtime.description, target, profile, budget, seed };
    return { ...leakage, ...about };
  } finally {
    say('\r\u001b[K');
    await executor.close();
  }
}
