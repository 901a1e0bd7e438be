/** What rules may ask of the graph while it is walked. */

import { constantTensor } from '../onnx/constant.ts';
import { type Graph, isWeight } from '../onnx/graph.ts';
import type { OnnxTensor } from '../onnx/tensor-proto.ts';
import { valuesOf } from '../onnx/tensor-values.ts';
import { elementCount, TENSOR_TYPES } from '../tensor.ts';
import { WHOLE } from './layout.ts';
import type { RuleContext } from './rule.ts';
import type { ShardOptions } from './shard-plan.ts';
import type { ShardValues } from './shard-values.ts';

const MIN_SPLIT_BYTES = 1 << 16;
const { float32, int64 } = TENSOR_TYPES;

export function shardContext(
  graph: Graph,
  values: Pick<ShardValues, 'layoutOf'>,
  { ranks, sizedTypes, minSplitBytes = MIN_SPLIT_BYTES }: ShardOptions,
): RuleContext {
  const tensorOf = (name: string): OnnxTensor | undefined => {
    const node = graph.constants.get(name);
    return graph.initializers.get(name) ?? (node && constantTensor(node));
  };
  return {
    ranks,
    layoutOf: (name) => {
      const layout = isWeight(graph, name) ? WHOLE : values.layoutOf(name);
      return layout.kind === 'split' ? layout : { kind: 'whole' };
    },
    dimsOf: (name) => tensorOf(name)?.dims ?? knownDims(sizedTypes.get(name)?.shape),
    weightOf: (name) => {
      const weight = graph.initializers.get(name);
      return weight?.dataType === float32.onnx ? weight : undefined;
    },
    numbersOf: (name) => {
      const tensor = tensorOf(name);
      if (tensor?.dataType !== int64.onnx || tensor.external) return undefined;
      return [...(valuesOf(tensor).data as BigInt64Array)].map(Number);
    },
    isLarge: ({ dims }) => elementCount(dims) * float32.bytes >= minSplitBytes,
  };
}

/** An open dimension is NaN: rules that only count axes can do without it. Undefined where the rank is not known. */
function knownDims(shape: readonly (number | string)[] | null | undefined): readonly number[] | undefined {
  return shape?.map((dim) => (typeof dim === 'number' ? dim : Number.NaN));
}
