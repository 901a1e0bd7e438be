/**
 * Segments: runs of nodes as ONNX models of their own. Large weights stay in the original file and are named
 * by offset, so a segment of a 100 MB model has tens of kilobytes.
 */
import { SplitError } from '../errors.ts';
import { type Graph, isWeight } from '../onnx/graph.ts';
import { type OnnxNode, readNames } from '../onnx/graph-proto.ts';
import { type Encoded, type HeaderField, MODEL_FIELD, writeModel } from '../onnx/model.ts';
import { renameReads } from '../onnx/rename.ts';
import { untypedValueInfoBytes, valueInfoBytes } from '../onnx/value-info.ts';
import { intoBlocks, residualsAmong } from './blocked-layout.ts';
import type { Cut } from './cut.ts';
import { freshPrefix } from './fresh-names.ts';
import { checkNested, type Head, headOf, positionsBetween, prefixHead } from './head.ts';
import type { TypesByName } from './legal-cuts.ts';
import { weightsFor } from './weights.ts';

export interface SegmentOptions {
  /** Types of what crosses, for the inputs. Those of the model as declared: a segment takes all shapes they allow. */
  readonly types: TypesByName;
  /** File name of the original model, in the directory that the runtime is given. Without it weights are copied. */
  readonly location?: string;
  /** Values made inside that are to be outputs as well. @default none */
  readonly alsoOutputs?: readonly string[];
  /** Whether the runtime computes in blocks of channels, as a CPU does at level `all`. @default false */
  readonly isBlocked?: boolean;
}

export interface Segment {
  readonly bytes: Uint8Array;
  readonly inputs: readonly string[];
  /** What later nodes read, and outputs of the model. */
  readonly outputs: readonly string[];
}

/**
 * The nodes from position `from` up to, not including, `to`, as a model.
 * @throws SplitError `cut-invalid` for an empty or impossible range, or an input of unknown type
 */
export function segmentModel(graph: Graph, from: number, to: number, options: SegmentOptions): Segment {
  checkRange(graph, from, to);
  return writeSegment(graph, prefixHead(from), prefixHead(to), options);
}

/**
 * The nodes that the head of one cut lacks and that of another has, as a model. For cuts of any closed heads.
 * @throws SplitError `cut-invalid` where `from` is not within `to`, one of them is not closed, or nothing lies between
 */
export function segmentBetween(graph: Graph, from: Head, to: Head, options: SegmentOptions): Segment {
  checkNested(graph, from, to);
  return writeSegment(graph, from, to, options);
}

function writeSegment(graph: Graph, from: Head, to: Head, options: SegmentOptions): Segment {
  const active = positionsBetween(graph, from, to).flatMap((position) => graph.nodes[position] ?? []);
  const outputs = [...new Set([...segmentOutputs(graph, active, to), ...(options.alsoOutputs ?? [])])];
  const inputs = segmentInputs(graph, active);
  const blocks = options.isBlocked ? blocksFor(graph, inputs, { active, types: options.types }) : [];
  const names = new Map(blocks.map(({ from, to }) => [from, to]));
  const weights = weightsFor(graph, [...active.flatMap(readNames), ...outputs], options);
  const model = writeModel(headerOf(graph), {
    name: graph.model.graph.name || 'graph',
    nodes: [
      ...weights.nodes,
      ...blocks.map(({ from, to }) => intoBlocks(from, to)),
      ...active.map((node) => renameReads(node, names)),
    ],
    initializers: weights.initializers,
    sparseInitializers: weights.sparseInitializers,
    inputs: inputBytes(graph, inputs, options.types),
    outputs: outputBytes(graph, outputs),
  });
  return { bytes: model.toBytes(), inputs, outputs };
}

function blocksFor(
  graph: Graph,
  inputs: readonly string[],
  { active, types }: { readonly active: readonly OnnxNode[]; readonly types: TypesByName },
) {
  const residuals = residualsAmong(inputs, active, types);
  if (residuals.length === 0) return [];
  const prefix = freshPrefix(graph);
  return residuals.map((from, i) => ({ from, to: `${prefix}blocks_${i}` }));
}

/**
 * The whole model as consecutive segments with the given cuts between them. Cuts at either end divide nothing.
 * @throws SplitError `cut-invalid` where the head of one cut is not within that of the next
 */
export function segmentChain(graph: Graph, cuts: readonly Cut[], options: SegmentOptions): Segment[] {
  const inner = cuts
    .filter(({ position }) => position > 0 && position < graph.nodes.length)
    .toSorted((a, b) => a.position - b.position)
    .filter(({ id }, i, sorted) => id !== sorted[i - 1]?.id)
    .map(headOf);
  const bounds = [prefixHead(0), ...inner, prefixHead(graph.nodes.length)];
  return bounds.slice(1).map((to, i) => segmentBetween(graph, bounds[i] ?? prefixHead(0), to, options));
}

function checkRange(graph: Graph, from: number, to: number): void {
  const isPossible = Number.isInteger(from) && Number.isInteger(to) && from >= 0 && to <= graph.nodes.length;
  // In a graph of constants alone no node counts, and the segment of none is the model.
  if (isPossible && (from < to || graph.nodes.length === 0)) return;
  throw new SplitError(
    'cut-invalid',
    `no segment from node ${from} to ${to} in a graph of ${graph.nodes.length}`,
  );
}

/** What the nodes read and none of them makes; being closed, the head before them has made it or been fed it. */
function segmentInputs(graph: Graph, nodes: readonly OnnxNode[]): string[] {
  const made = new Set(nodes.flatMap((node) => node.outputs));
  const isGiven = (name: string) => !made.has(name) && !isWeight(graph, name);
  return [...new Set(nodes.flatMap(readNames))].filter(isGiven);
}

/** What a segment hands on: values read outside the head that it completes, and outputs of the model. */
export function segmentOutputs(graph: Graph, nodes: readonly OnnxNode[], to: Head): string[] {
  const asked = new Set(graph.outputs.map((output) => output.name));
  const isReadLater = (name: string) => graph.consumers.get(name)?.some((reader) => !to.has(reader)) ?? false;
  const made = nodes.flatMap((node) => node.outputs).filter((name) => name !== '');
  // Outputs that no input has a part in come from the last segment.
  const isLast = to.size === graph.nodes.length;
  const fixed = isLast ? [...asked].filter((name) => isWeight(graph, name)) : [];
  return [...made.filter((name) => asked.has(name) || isReadLater(name)), ...fixed];
}

/** All but the graph and what only training needs. */
export function headerOf({ model }: Graph): readonly HeaderField[] {
  return model.header.filter((field) => field.number !== MODEL_FIELD.trainingInfo);
}

function inputBytes(graph: Graph, names: readonly string[], types: TypesByName): Encoded[] {
  const declared = new Map(graph.inputs.map((input) => [input.name, input.bytes]));
  return names.map((name) => {
    const info = types.get(name);
    const bytes = declared.get(name) ?? (info && valueInfoBytes(info));
    if (bytes) return bytes;
    throw new SplitError('cut-invalid', `value ${JSON.stringify(name)} crosses, and its type is not known`);
  });
}

function outputBytes(graph: Graph, names: readonly string[]): Encoded[] {
  const declared = new Map(graph.outputs.map((output) => [output.name, output.bytes]));
  return names.map((name) => declared.get(name) ?? untypedValueInfoBytes(name));
}
