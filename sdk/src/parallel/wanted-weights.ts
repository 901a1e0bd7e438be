/** Which weights, and which parts of them, a rank reads. */
import type { TypesByName } from '../cut/legal-cuts.ts';
import { externalRangeOf } from '../onnx/external-data.ts';
import type { Graph } from '../onnx/graph.ts';
import { type OnnxTensor, tensorTypeOf } from '../onnx/tensor-proto.ts';
import { elementCount, TENSOR_TYPES } from '../tensor.ts';
import { partName, rankModel } from './rank-model.ts';
import type { ShardPlan } from './shard-plan.ts';
import type { WeightPart } from './weight-part.ts';

export interface WantedWeight {
  readonly weight: string;
  readonly part: WeightPart | undefined;
}

const NOT_YET = new Uint8Array(0);

/** By the name under which the rank has it. Found by writing the rank's models once without any. */
export function wantedWeights(
  graph: Graph,
  plan: ShardPlan,
  rank: { readonly rank: number; readonly types: TypesByName },
): ReadonlyMap<string, WantedWeight> {
  const wanted = new Map<string, WantedWeight>();
  const weight = (of: string, part?: WeightPart) => {
    wanted.set(part ? partName(of, part) : of, { weight: of, part });
    return NOT_YET;
  };
  for (const level of plan.levels.keys()) rankModel(graph, plan, level, { ...rank, weight });
  return wanted;
}

export interface RankWeights {
  /** What the rank holds of the weights. */
  readonly bytes: number;
  /** Of these the bytes of weights that it has whole, as every rank that reads them. */
  readonly wholeBytes: number;
}

/** Of each rank. Reads no weights. */
export function rankWeights(graph: Graph, plan: ShardPlan, types: TypesByName): readonly RankWeights[] {
  return Array.from({ length: plan.ranks }, (_, rank) => {
    let [bytes, wholeBytes] = [0, 0];
    for (const { weight, part } of wantedWeights(graph, plan, { rank, types }).values()) {
      const own = bytesOf(graph.initializers.get(weight), part);
      bytes += own;
      if (part === undefined) wholeBytes += own;
    }
    return { bytes, wholeBytes };
  });
}

/** Of the whole model, in bytes; those inside subgraphs do not count. */
export function weightBytes({ initializers }: Pick<Graph, 'initializers'>): number {
  return [...initializers.values()].reduce((sum, tensor) => sum + bytesOf(tensor, undefined), 0);
}

function bytesOf(tensor: OnnxTensor | undefined, part: WeightPart | undefined): number {
  if (tensor === undefined) return 0;
  const whole = wholeBytesOf(tensor);
  return part ? (whole * (part.to - part.from)) / (tensor.dims[part.axis] ?? 1) : whole;
}

/** Types that have no JavaScript array are counted by where they lie. */
function wholeBytesOf(tensor: OnnxTensor): number {
  const type = tensorTypeOf(tensor.dataType);
  if (type) return elementCount(tensor.dims) * TENSOR_TYPES[type].bytes;
  const range = externalRangeOf(tensor);
  return range ? (range.end ?? range.offset) - range.offset : (tensor.raw?.length ?? 0);
}
