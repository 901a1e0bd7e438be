/**
 * The ranks' files: for each rank one with its parts of the weights, and its models, which name them by offset. A host
 * of one rank needs no other's. Weights are read one at a time, so that a model may be larger than memory.
 */
import { type FileHandle, mkdir, open } from 'node:fs/promises';
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
import { storing } from './storage-error.ts';
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

/** @throws SplitError `model-invalid` where weights cannot be read, `storage-failed` where files cannot be written */
export async function writeShards(
  graph: Graph,
  plan: ShardPlan,
  options: ShardFilesOptions,
): Promise<Shards> {
  const { directory } = options;
  const files: RankFile[] = [];
  try {
    await storing(directory, () => mkdir(directory, { recursive: true }));
    for (let rank = 0; rank < plan.ranks; rank++)
      files.push(await openFile(directory, weightsFile(rank, plan.ranks)));
    const shards = await fillFiles(files, { graph, plan, options });
    await Promise.all(files.map((file) => file.close()));
    return shards;
  } catch (error) {
    // The first error says more than those of closing.
    await Promise.allSettled(files.map((file) => file.close()));
    throw error;
  }
}

async function fillFiles(
  files: readonly RankFile[],
  {
    graph,
    plan,
    options,
  }: { readonly graph: Graph; readonly plan: ShardPlan; readonly options: ShardFilesOptions },
): Promise<Shards> {
  const { types, directory } = options;
  const wanted = files.map((_, rank) => wantedWeights(graph, plan, { rank, types }));
  const names = new Set(wanted.flatMap((parts) => [...parts.values()].map(({ weight }) => weight)));
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
    const weight = (of: string, part?: WeightPart) => weights.get(part ? partName(of, part) : of) as Encoded;
    return {
      models: plan.levels.map((_, level) => rankModel(graph, plan, level, { rank, types, weight })),
      weightBytes: weightBytes(),
    };
  });
  return { plan, directory, ranks, wholeWeightBytes };
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

async function openFile(directory: string, location: string): Promise<RankFile> {
  const path = join(directory, location);
  const handle = await storing(path, () => open(path, 'w'));
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
      await storing(path, () => writeAll(handle, own, offset));
      end = offset + own.length;
      weights.set(
        name,
        externalTensorProto({ name, dataType: tensor.dataType, dims }, location, {
          offset,
          length: own.length,
        }),
      );
    },
    close: () => storing(path, () => handle.sync().finally(() => handle.close())),
  };
}

/** A call may write less than it is given, where the disk has room for no more: the next one says so. */
async function writeAll(handle: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, offset + done);
    done += bytesWritten;
  }
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
