/**
 * The ranks' files: for each rank one with its parts of the weights, and its models, which name them by offset. A host
 * of one rank needs no other's. Weights are read one at a time, so that a model may be larger than memory.
 */
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { TypesByName } from '../cut/legal-cuts.ts';
import { SplitError } from '../errors.ts';
import { externalRangeOf } from '../onnx/external-data.ts';
import type { Graph } from '../onnx/graph.ts';
import type { Encoded } from '../onnx/model.ts';
import { externalTensorProto, type OnnxTensor, tensorProto, tensorTypeOf } from '../onnx/tensor-proto.ts';
import { valuesOf } from '../onnx/tensor-values.ts';
import { tensorBytes, tensorFromBytes } from '../tensor.ts';
import { partName, type RankModel, rankModel } from './rank-model.ts';
import type { Collective, ShardPlan } from './shard-plan.ts';
import { wantedWeights } from './wanted-weights.ts';
import { partBytes, type WeightPart } from './weight-part.ts';

/** What those who run a plan need to know of it. */
export interface ShardSteps {
  readonly ranks: number;
  readonly levels: readonly { readonly collectives: readonly Collective[] }[];
  /** Of the graph; whole on every rank in the end. */
  readonly outputs: readonly string[];
}

export interface Shards {
  readonly plan: ShardSteps;
  /** Where the files lie. */
  readonly directory: string;
  readonly ranks: readonly RankShards[];
  /** Bytes of all weights that the model reads, each once. */
  readonly wholeWeightBytes: number;
}

export interface RankShards {
  /** One for each level; undefined where the rank has nothing to do. */
  readonly models: readonly (RankModel | undefined)[];
  /** Bytes of the weights that this rank holds. */
  readonly weightBytes: number;
}

export interface ShardFilesOptions {
  /** Types of the values as the model declares them. */
  readonly types: TypesByName;
  /** Where the original's weights lie; absent for a model in memory. */
  readonly sourceDirectory?: string | undefined;
  /** Made where it is not there; files of the same names are overwritten. */
  readonly directory: string;
}

/** Weights that are smaller are written into the models. */
const MIN_FILE_BYTES = 1024;
const ALIGNMENT = 64;

/** @throws SplitError `model-invalid` where weights cannot be read, `options-invalid` where files cannot be written */
export async function writeShards(
  graph: Graph,
  plan: ShardPlan,
  options: ShardFilesOptions,
): Promise<Shards> {
  const { types, directory } = options;
  const wanted = Array.from({ length: plan.ranks }, (_, rank) => wantedWeights(graph, plan, { rank, types }));
  const names = new Set(wanted.flatMap((parts) => [...parts.values()].map(({ weight }) => weight)));
  const files = await openFiles(directory, plan.ranks);
  try {
    let wholeWeightBytes = 0;
    for (const name of names) {
      const tensor = graph.initializers.get(name) as OnnxTensor;
      const bytes = await readWeight(tensor, options.sourceDirectory);
      wholeWeightBytes += bytes.length;
      for (const [rank, parts] of wanted.entries())
        for (const want of parts.values())
          if (want.weight === name) await files[rank]?.put(tensor, bytes, want.part);
    }
    const ranks = files.map(({ weights, weightBytes }, rank) => {
      const weight = (of: string, part?: WeightPart) =>
        weights.get(part ? partName(of, part) : of) as Encoded;
      return {
        models: plan.levels.map((_, level) => rankModel(graph, plan, level, { rank, types, weight })),
        weightBytes: weightBytes(),
      };
    });
    return { plan, directory, ranks, wholeWeightBytes };
  } finally {
    await Promise.all(files.map((file) => file.close()));
  }
}

/** Name of the file that holds a rank's parts of the weights. */
export function weightsFile(rank: number, ranks: number): string {
  return `rank-${rank}-of-${ranks}.weights`;
}

interface RankFile {
  readonly weights: ReadonlyMap<string, Encoded>;
  weightBytes(): number;
  put(tensor: OnnxTensor, bytes: Uint8Array, part: WeightPart | undefined): Promise<void>;
  close(): Promise<void>;
}

async function openFiles(directory: string, ranks: number): Promise<RankFile[]> {
  try {
    await mkdir(directory, { recursive: true });
    return await Promise.all(
      Array.from({ length: ranks }, (_, rank) => openFile(directory, weightsFile(rank, ranks))),
    );
  } catch (cause) {
    throw new SplitError('options-invalid', `cannot write shards into ${directory}`, { cause });
  }
}

async function openFile(directory: string, location: string): Promise<RankFile> {
  const handle = await open(join(directory, location), 'w');
  const weights = new Map<string, Encoded>();
  let [end, held] = [0, 0];
  return {
    weights,
    weightBytes: () => held,
    put: async (tensor, bytes, part) => {
      const own = part ? partBytes(bytes, tensor.dims, part) : bytes;
      const name = part ? partName(tensor.name, part) : tensor.name;
      const dims = tensor.dims.map((dim, axis) => (axis === part?.axis ? part.to - part.from : dim));
      const type = tensorTypeOf(tensor.dataType);
      held += own.length;
      if (own.length < MIN_FILE_BYTES && type) {
        weights.set(name, tensorProto(name, tensorFromBytes(type, dims, own)));
        return;
      }
      const offset = Math.ceil(end / ALIGNMENT) * ALIGNMENT;
      await handle.write(own, 0, own.length, offset);
      end = offset + own.length;
      weights.set(
        name,
        externalTensorProto({ name, dataType: tensor.dataType, dims }, location, {
          offset,
          length: own.length,
        }),
      );
    },
    close: () => handle.sync().finally(() => handle.close()),
  };
}

async function readWeight(tensor: OnnxTensor, directory: string | undefined): Promise<Uint8Array> {
  const range = externalRangeOf(tensor);
  if (!range) return tensor.raw ? rawOf(tensor, tensor.raw) : tensorBytes(valuesOf(tensor));
  if (directory === undefined)
    throw new SplitError(
      'model-invalid',
      `weight ${JSON.stringify(tensor.name)} lies in a file, and the model in memory`,
    );
  const path = join(directory, range.location);
  try {
    const handle = await open(path);
    try {
      const end = range.end ?? (await handle.stat()).size;
      const bytes = new Uint8Array(end - range.offset);
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, range.offset);
      if (bytesRead !== bytes.length) throw new Error(`ends after ${range.offset + bytesRead} bytes`);
      return bytes;
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw new SplitError('model-invalid', `cannot read weights of ${path}`, { cause });
  }
}

function rawOf(
  { span }: OnnxTensor,
  { offset, length }: { readonly offset: number; readonly length: number },
) {
  return span.file.subarray(offset, offset + length);
}
