/** Models cut at several places, and what crosses there for given inputs. */
import { offeredCuts } from '../../../sdk/src/cut/candidates.ts';
import type { Cut } from '../../../sdk/src/cut/cut.ts';
import { openChain } from '../../../sdk/src/session/open-chain.ts';
import { openModel, type SplitModel } from '../../../sdk/src/session/open-model.ts';
import { fileSource } from '../../../sdk/src/source/file.ts';
import { memorySource } from '../../../sdk/src/source/memory.ts';
import type { Tensor } from '../../../sdk/src/tensor.ts';
import { directRuntime } from '../../support/direct-runtime.ts';
import { mobilenetV2 } from '../../support/models/mobilenet-v2.ts';
import { ocrModels } from '../../support/models/ocr-models.ts';
import { resnet18 } from '../../support/models/resnet18.ts';
import { croppedInputs, type PictureShape } from './pictures.ts';

const CUTS = 6;
/** Of float32. Below, a frame's own header weighs more than what is measured here. */
const LEAST_BYTES = 16_384;
const IMAGENET = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
const HALVES = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };

export interface BenchModel {
  readonly name: string;
  /** One with random weights has outputs so near each other that a breath turns its choice. */
  readonly isTrained: boolean;
  /** A path, or a file's bytes. */
  readonly file: string | Uint8Array;
  readonly shape: PictureShape;
}

/** Two trained models, and two with random weights, for which nothing was tuned. */
export function benchModels(): BenchModel[] {
  const { det, rec } = ocrModels();
  const square = { width: 224, height: 224, ...IMAGENET };
  return [
    { name: 'det', isTrained: true, file: det.path, shape: { width: 640, height: 480, ...IMAGENET } },
    { name: 'rec', isTrained: true, file: rec.path, shape: { width: 320, height: 48, ...HALVES } },
    { name: 'mobilenetv2', isTrained: false, file: mobilenetV2.make({ scale: 1 }), shape: square },
    { name: 'resnet18', isTrained: false, file: resnet18.make({ scale: 1 }), shape: square },
  ];
}

/** What one input gives. */
export interface Crossing {
  readonly output: Tensor;
  /** In the order of the cuts. */
  readonly tensors: readonly Tensor[];
}

export interface CutActivations {
  /** Model and tensor. */
  readonly name: string;
  readonly model: string;
  /** What crosses, one tensor an input. */
  readonly tensors: readonly Tensor[];
  /** The model's output from what came over the cut. */
  tail(tensor: Tensor): Promise<Tensor>;
}

export interface CutModel {
  readonly cuts: readonly CutActivations[];
  /** Runs the whole model on an input of its own. */
  cross(input: Tensor): Promise<Crossing>;
  close(): Promise<void>;
}

/** What crosses each of six cuts for `count` crops, or for given inputs. `close` when the tails are no longer wanted. */
export async function cutActivations(
  { name, file, shape }: BenchModel,
  count: number,
  given?: readonly Tensor[],
): Promise<CutModel> {
  const runtime = directRuntime();
  const inputs = given ?? (await croppedInputs(shape, count));
  const source = typeof file === 'string' ? fileSource(file) : memorySource(file);
  const input = (await openModel(source, runtime)).inputs[0]?.name ?? '';
  const inputShapes = { [input]: [1, 3, shape.height, shape.width] };
  const model = await openModel(source, runtime, { inputShapes });
  const cuts = spreadCuts(model);
  const chain = await openChain(model, cuts, runtime);
  const output = model.outputs[0]?.name ?? '';
  const crossing = cuts.map(({ tensors }) => tensors[0]?.name ?? '');
  const rows: Tensor[][] = cuts.map(() => []);
  const run = async (feed: Tensor, fetches: readonly string[]) => {
    const { values } = await chain.run({ feeds: { [input]: feed }, fetches });
    return fetches.map((name) => ownCopy(values[name] as Tensor));
  };
  for (const feed of inputs)
    for (const [index, tensor] of (await run(feed, crossing)).entries()) rows[index]?.push(tensor);
  const tail = (index: number) => async (tensor: Tensor) => {
    const feeds = { [crossing[index] ?? '']: tensor };
    const { values } = await chain.run({ from: cuts[index], feeds, fetches: [output] });
    return values[output] as Tensor;
  };
  return {
    cuts: crossing.map((cut, index) => ({
      name: `${name} ${cut}`,
      model: name,
      tensors: rows[index] ?? [],
      tail: tail(index),
    })),
    cross: async (feed) => {
      const [outcome, ...tensors] = await run(feed, [output, ...crossing]);
      return { output: outcome as Tensor, tensors };
    },
    close: async () => {
      await chain.close();
      await runtime.close();
    },
  };
}

/** Cuts that one tensor crosses, evenly spread over the list of them. */
function spreadCuts({ cuts, graph }: SplitModel): Cut[] {
  const single = offeredCuts(cuts, graph).filter(
    ({ tensors, bytes }) => tensors.length === 1 && (bytes ?? LEAST_BYTES) >= LEAST_BYTES,
  );
  const places = Array.from({ length: CUTS }, (_, index) => (single.length * (index + 0.5)) / CUTS);
  return places.map((place) => single[Math.floor(place)] as Cut);
}

/** Runtimes may reuse the memory of what they hand out. */
const ownCopy = ({ type, dims, data }: Tensor): Tensor => ({ type, dims, data: data.slice() });
