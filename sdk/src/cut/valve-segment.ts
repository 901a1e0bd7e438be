/** Segments of the valve graph: the nodes between two cuts inside an If, so that they cost nothing when not needed. */
import { type Graph, isWeight } from '../onnx/graph.ts';
import { type OnnxNode, readNames } from '../onnx/graph-proto.ts';
import { nodeProto } from '../onnx/node-proto.ts';
import { type NewNames, renameReads } from '../onnx/rename.ts';
import type { WireWriter } from '../onnx/wire-writer.ts';
import { tensorFromBytes } from '../tensor.ts';
import { intoBlocks } from './blocked-layout.ts';
import type { Entry } from './valve-entry.ts';
import { type Branch, constantNode, copyNode, ifNode } from './valve-if.ts';
import { weightsFor } from './weights.ts';

export interface ValveSegment {
  /** Scalar bool input: whether the segment runs. */
  readonly run: string;
  readonly nodes: readonly OnnxNode[];
  /** What the segment hands on, and outputs of the model that it makes. */
  readonly outputs: readonly SegmentOutput[];
}

export interface SegmentOutput {
  /** The model's name. */
  readonly name: string;
  /** The valve graph's output. While the segment does not run it is empty. */
  readonly output: string;
  /** Type, rows and empty tensor are those of an entry for the value. */
  readonly like: Entry;
}

export interface SegmentNodeOptions {
  /** What the values that the segment reads are called in the valve graph, where not as in the model. */
  readonly names: NewNames;
  readonly location?: string | undefined;
  /** Initializers in the outer graph. */
  readonly elsewhere: ReadonlySet<string>;
  /** Values to take into blocks of channels; see blocked-layout.ts. */
  readonly residuals: readonly string[];
  /** The input that takes an empty shape; present in models whose If wants equal shapes of both branches. */
  readonly emptyShape: string | undefined;
}

export function segmentNode(graph: Graph, segment: ValveSegment, options: SegmentNodeOptions): WireWriter {
  const { run, outputs } = segment;
  const branched = outputs.map(({ output, like }) => ({ name: output, type: like.input.type }));
  return ifNode(run, branched, {
    whenTrue: thenBranch(graph, segment, options),
    whenFalse: (inner) => ({
      nodes: outputs.flatMap((output, i) => emptyNodes(output, inner[i]?.name ?? '', options.emptyShape)),
    }),
  });
}

function thenBranch(graph: Graph, { nodes, outputs }: ValveSegment, options: SegmentNodeOptions): Branch {
  return (inner) => {
    const fixed = outputs.filter(({ name }) => isWeight(graph, name)).map(({ name }) => name);
    const weights = weightsFor(graph, [...nodes.flatMap(readNames), ...fixed], options);
    // A value of the segment keeps its name inside: around it nothing is called so. A weight is copied to an output.
    const made = outputs.map(({ name }, i) => (isWeight(graph, name) ? (inner[i]?.name ?? '') : name));
    const copies = outputs.flatMap(({ name }, i) =>
      made[i] === name ? [] : [copyNode(name, made[i] ?? '')],
    );
    const { names, blocks } = takeIntoBlocks(options);
    return {
      ...weights,
      nodes: [...weights.nodes, ...blocks, ...nodes.map((node) => renameReads(node, names)), ...copies],
      outputs: made,
    };
  };
}

function takeIntoBlocks({ names, residuals }: SegmentNodeOptions): { names: NewNames; blocks: WireWriter[] } {
  const moved = residuals.map((name) => [name, names.get(name) ?? name] as const);
  const blocked = moved.map(([name, from]) => [name, `${from}blocks`] as const);
  return {
    names: new Map([...names, ...blocked]),
    blocks: moved.map(([, from]) => intoBlocks(from, `${from}blocks`)),
  };
}

/** A value that nobody reads. Reshaped to what a run feeds, it has no shape that could contradict the other branch's. */
function emptyNodes({ like }: SegmentOutput, name: string, emptyShape: string | undefined): WireWriter[] {
  const { empty } = like;
  if (emptyShape === undefined) return [constantNode(empty, name)];
  const flat = `${name}flat`;
  return [
    constantNode(tensorFromBytes(empty.type, [0], new Uint8Array(0)), flat),
    nodeProto({ opType: 'Reshape', inputs: [flat, emptyShape], outputs: [name] }),
  ];
}
