/** One rank's part of a level, as an ONNX model of its own. */
import type { TypesByName } from '../cut/legal-cuts.ts';
import { headerOf } from '../cut/segments.ts';
import { weightsFor } from '../cut/weights.ts';
import { SplitError } from '../errors.ts';
import { type Graph, isWeight } from '../onnx/graph.ts';
import { readNames } from '../onnx/graph-proto.ts';
import { type Encoded, writeModel } from '../onnx/model.ts';
import { nodeProto } from '../onnx/node-proto.ts';
import { rewriteNode } from '../onnx/rewrite-node.ts';
import { tensorProto } from '../onnx/tensor-proto.ts';
import { untypedValueInfoBytes, valueInfoBytes } from '../onnx/value-info.ts';
import { bytesOf } from '../onnx/wire-reader.ts';
import type { Tensor, TensorInfo } from '../tensor.ts';
import type { LocalInput, ShardLevel, ShardNode, ShardPlan } from './shard-plan.ts';
import { valueReads } from './shard-values.ts';

export interface RankModel {
  readonly bytes: Uint8Array;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

export interface RankModelOptions {
  readonly rank: number;
  /** Types of the values as the model declares them. */
  readonly types: TypesByName;
  /** A weight, or a rank's part of one, as it is written into the model. */
  weight(name: string, part?: { readonly axis: number; readonly from: number; readonly to: number }): Encoded;
}

/** @param level undefined where the rank has nothing to do there: it makes nothing that anybody reads */
export function rankModel(
  graph: Graph,
  plan: ShardPlan,
  index: number,
  options: RankModelOptions,
): RankModel | undefined {
  const level = plan.levels[index] as ShardLevel;
  const writer = createLevelWriter(graph, options);
  for (const node of level.nodes) writer.add(node);
  // Outputs that no input has a part in come from the last level.
  const fixed = index === plan.levels.length - 1 ? plan.outputs.filter((name) => isWeight(graph, name)) : [];
  for (const name of fixed) writer.whole(name);
  const made = new Set(level.nodes.flatMap(({ outputs }) => outputs));
  const reads = new Set(level.nodes.flatMap((node) => valueReads(graph, node)));
  const inputs = [...reads].filter((name) => !made.has(name));
  const outputs = [...leaving(graph, plan, index).filter((name) => made.has(name)), ...fixed];
  if (outputs.length === 0) return undefined;
  const rest = weightsFor(graph, writer.constants, { elsewhere: new Set(graph.initializers.keys()) });
  const model = writeModel(headerOf(graph), {
    name: graph.model.graph.name || 'graph',
    nodes: [...rest.nodes, ...writer.nodes],
    initializers: [...writer.initializers, ...rest.initializers],
    sparseInitializers: rest.sparseInitializers,
    inputs: inputs.map((name) => valueInfoBytes(localType(name, plan, options))),
    outputs: outputs.map(untypedValueInfoBytes),
  });
  return { bytes: model.toBytes(), inputs, outputs };
}

/** Names that are read after the level: by later nodes, by collectives, by the caller. */
function leaving(graph: Graph, plan: ShardPlan, index: number): string[] {
  const later = plan.levels
    .slice(index + 1)
    .flatMap(({ nodes }) => nodes.flatMap((node) => valueReads(graph, node)));
  const collected = plan.levels
    .slice(index)
    .flatMap(({ collectives }) => collectives.map(({ from }) => from));
  return [...new Set([...later, ...collected, ...plan.outputs])];
}

function localType(name: string, { parts }: ShardPlan, { types, rank }: RankModelOptions): TensorInfo {
  const part = parts.get(name);
  const info = types.get(part?.of ?? name);
  if (!info)
    throw new SplitError('cut-invalid', `value ${JSON.stringify(name)} crosses, and its type is not known`);
  if (part?.layout.kind !== 'split' || !info.shape) return { ...info, name };
  const { axis, bounds } = part.layout;
  const own = (bounds[rank + 1] ?? 0) - (bounds[rank] ?? 0);
  return { ...info, name, shape: info.shape.map((dim, i) => (i === axis ? own : dim)) };
}

interface LevelWriter {
  readonly nodes: readonly Encoded[];
  readonly initializers: readonly Encoded[];
  /** Names that may lead to constant nodes. */
  readonly constants: readonly string[];
  add(node: ShardNode): void;
  /** A weight under its own name. */
  whole(name: string): void;
}

function createLevelWriter(graph: Graph, { rank, weight }: RankModelOptions): LevelWriter {
  const nodes: Encoded[] = [];
  const initializers = new Map<string, Encoded>();
  const constants: string[] = [];
  const slices = new Set<string>();

  function whole(name: string): string {
    constants.push(name);
    for (const read of behind(graph, name)) if (!initializers.has(read)) initializers.set(read, weight(read));
    return name;
  }

  function numbers(name: string, values: readonly number[]): string {
    const tensor: Tensor = {
      type: 'int64',
      data: BigInt64Array.from(values.map(BigInt)),
      dims: [values.length],
    };
    initializers.set(name, tensorProto(name, tensor));
    return name;
  }

  function slice(
    of: string,
    part: { readonly axis: number; readonly from: number; readonly to: number },
  ): string {
    const name = partName(of, part);
    if (slices.has(name)) return name;
    slices.add(name);
    const ends = { from: [part.from], to: [part.to], axis: [part.axis] };
    const given = Object.entries(ends).map(([key, value]) => numbers(`${name}/${key}`, value));
    nodes.push(nodeProto({ opType: 'Slice', inputs: [whole(of), ...given], outputs: [name] }));
    return name;
  }

  function local(input: LocalInput, output: string): string | undefined {
    switch (input.kind) {
      case 'value':
        return whole(input.name);
      case 'first-rank':
        return rank === 0 ? whole(input.name) : undefined;
      case 'numbers':
        return numbers(`${output}/shape`, input.ofRank[rank] ?? []);
      case 'slice':
        return slice(input.of, ownPart(input.part, rank));
      case 'weight': {
        const part = ownPart(input.part, rank);
        const name = partName(input.weight, part);
        if (!initializers.has(name)) initializers.set(name, weight(input.weight, part));
        return name;
      }
    }
  }

  return {
    nodes,
    get initializers() {
      return [...initializers.values()];
    },
    constants,
    whole,
    add: ({ node, isWhole, inputs, outputs, integers }) => {
      if (isWhole) {
        for (const name of readNames(node)) whole(name);
        nodes.push(bytesOf(node.span));
        return;
      }
      const names = inputs
        .map((input) => local(input, outputs[0] ?? ''))
        .filter((name) => name !== undefined);
      const own = Object.entries(integers ?? {}).map(([key, ofRank]) => [key, ofRank[rank] ?? 0] as const);
      nodes.push(rewriteNode(node, { inputs: names, outputs, integers: Object.fromEntries(own) }));
    },
  };
}

/** Initializers that a name stands for, through constant nodes. */
function behind(graph: Graph, name: string): string[] {
  if (graph.initializers.has(name)) return [name];
  const node = graph.constants.get(name);
  return node ? readNames(node).flatMap((read) => behind(graph, read)) : [];
}

export function partName(of: string, { axis, from, to }: { axis: number; from: number; to: number }): string {
  return `${of}/${axis}:${from}-${to}`;
}

function ownPart({ axis, bounds }: { axis: number; bounds: readonly number[] }, rank: number) {
  return { axis, from: bounds[rank] ?? 0, to: bounds[rank + 1] ?? 0 };
}
