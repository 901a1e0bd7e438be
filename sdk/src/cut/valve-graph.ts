/**
 * The valve graph: a whole model in which every segment between two cuts is inside an If, and every cut has a gate
 * at which a run may enter. One session of it serves as head, tail, middle and whole, and where rows of a batch are
 * independent it runs rows that enter and leave at different cuts together. Weights are named in the original file.
 */
import type { Graph } from '../onnx/graph.ts';
import { type OnnxNode, readNames } from '../onnx/graph-proto.ts';
import { writeModel } from '../onnx/model.ts';
import { untypedValueInfoBytes, valueInfoBytes } from '../onnx/value-info.ts';
import type { WireWriter } from '../onnx/wire-writer.ts';
import type { TensorInfo } from '../tensor.ts';
import { residualsAmong } from './blocked-layout.ts';
import type { Cut } from './cut.ts';
import { freshPrefix } from './fresh-names.ts';
import { checkNested, type Head, headOf, positionsBetween, prefixHead } from './head.ts';
import type { TypesByName } from './legal-cuts.ts';
import type { SymbolForm } from './quantise-nodes.ts';
import type { RowTable } from './rows.ts';
import { headerOf, segmentOutputs } from './segments.ts';
import { type Entry, makeEntry, namedShape } from './valve-entry.ts';
import { type Gate, gateNodes, makeGate } from './valve-gate.ts';
import { FIRST_QUANTISING_OPSET, outputsOf, quantiserNodes } from './valve-quantiser.ts';
import { type SegmentOutput, segmentNode, type ValveSegment } from './valve-segment.ts';
import { weightsFor } from './weights.ts';

export interface ValveGraphOptions {
  /** Types of every value as the model declares them. */
  readonly types: TypesByName;
  /** What the rows of each value are; without it nothing is batched. */
  readonly rows?: RowTable | undefined;
  /** File name of the original model; without it weights are copied into the graph. */
  readonly location?: string | undefined;
  /** Whether the runtime computes in blocks of channels: a CPU at level `all`. @default false */
  readonly isBlocked?: boolean | undefined;
  /**
   * Lets a run end at a cut with bytes instead of floats, in this form. Models of operators before version 11 stay
   * without. @default not
   */
  readonly quantise?: SymbolForm | undefined;
  /** Lets what enters at a cut be bytes, each row with a scale of its own. @default false */
  readonly dequantise?: boolean | undefined;
}

/** How to run the graph; runtime/executor/valve.ts does. */
export interface ValvePlan {
  /** The model's own inputs, to be fed in every run. */
  readonly inputs: readonly Entry[];
  /** One for each cut, in their order. */
  readonly gates: readonly Gate[];
  /** One more than gates: segment k lies before gate k. */
  readonly segments: readonly ValveSegment[];
  /** An int64 vector input that takes one zero in every run, where there is one. */
  readonly emptyShape: string | undefined;
}

export interface ValveGraph extends ValvePlan {
  readonly bytes: Uint8Array;
}

/**
 * @param cuts with nodes on both sides, by ascending position
 * @throws SplitError `cut-invalid` where the head of one cut is not within that of the next
 */
export function valveGraph(graph: Graph, cuts: readonly Cut[], options: ValveGraphOptions): ValveGraph {
  const plan = planValve(graph, cuts, options);
  const elsewhere = sharedWeights(graph, plan.segments);
  const nodes = plan.segments.flatMap((segment, index) => {
    const gate = plan.gates[index];
    const names = namesBehind(plan.gates[index - 1]);
    const body = segmentNode(graph, segment, {
      names,
      elsewhere,
      location: options.location,
      emptyShape: plan.emptyShape,
      residuals: options.isBlocked ? residualsAmong(names.keys(), segment.nodes, options.types) : [],
    });
    if (!gate) return [body];
    const came = namesBefore(gate, segment, names);
    const bytes = gate.quantiser ? quantiserNodes(gate.quantiser, { came, opset: opsetOf(graph) }) : [];
    return [body, ...bytes, ...gateNodes(gate, came)];
  });
  return { ...plan, bytes: writeValve(graph, plan, { nodes, outer: elsewhere, location: options.location }) };
}

function planValve(
  graph: Graph,
  cuts: readonly Cut[],
  { types, rows = new Map(), ...options }: ValveGraphOptions,
): ValvePlan {
  const prefix = freshPrefix(graph);
  const bounds = [prefixHead(0), ...cuts.map(headOf), prefixHead(graph.nodes.length)];
  const outputOf = (name: string, output: string): SegmentOutput[] => {
    const info = types.get(name);
    return info ? [{ name, output, like: makeEntry(info, output, rows) }] : [];
  };
  const segments = bounds.slice(1).map((to, index): ValveSegment => {
    const nodes = nodesBetween(graph, bounds[index] ?? prefixHead(0), to);
    const made = segmentOutputs(graph, nodes, to);
    const outputs = made.flatMap((name, i) => outputOf(name, `${prefix}out_${index}_${i}`));
    return { run: `${prefix}run_${index}`, nodes, outputs };
  });
  const quantise = opsetOf(graph) < FIRST_QUANTISING_OPSET ? undefined : options.quantise;
  const gates = cuts.map((cut, index) =>
    makeGate(cut, `${prefix}gate_${index}_`, { rows, quantise, dequantise: options.dequantise }),
  );
  const inputs = graph.inputs.flatMap(({ name }) => {
    const info = types.get(name);
    return info ? [makeInput(info, rows)] : [];
  });
  const emptyShape = wantsEqualShapes(graph) ? `${prefix}empty` : undefined;
  return { inputs, gates, segments, emptyShape };
}

/** All inputs are fed in one place, so their open dimensions keep their names. */
function makeInput(info: TensorInfo, rows: RowTable): Entry {
  const entry = makeEntry(info, info.name, rows);
  return { ...entry, input: { ...entry.input, shape: namedShape(entry, info.shape, '') } };
}

/** Until version 11 of ONNX's operators the shapes of an If's branches are merged; later their union is taken. */
function wantsEqualShapes(graph: Graph): boolean {
  return opsetOf(graph) < 11;
}

function opsetOf({ model }: Graph): number {
  return model.opsets.get('') ?? 0;
}

function nodesBetween(graph: Graph, from: Head, to: Head): OnnxNode[] {
  checkNested(graph, from, to);
  return positionsBetween(graph, from, to).flatMap((position) => graph.nodes[position] ?? []);
}

function namesBehind(gate: Gate | undefined): ReadonlyMap<string, string> {
  return new Map(gate?.entries.map(({ name }, i) => [name, gate.passed[i]?.name ?? '']));
}

/** What crosses at a gate, made by the segment before it, or passed on from the gate before that, or fed. */
function namesBefore(gate: Gate, { outputs }: ValveSegment, behind: ReadonlyMap<string, string>): string[] {
  const made = new Map(outputs.map(({ name, output }) => [name, output]));
  return gate.entries.map(({ name }) => made.get(name) ?? behind.get(name) ?? name);
}

/** Shared weights of this size and more stand once in the outer graph; smaller ones help inside each branch. */
const MIN_SHARED_BYTES = 1 << 16;

function sharedWeights(graph: Graph, segments: readonly ValveSegment[]): ReadonlySet<string> {
  const large = [...graph.initializers.values()].filter(({ raw, external }) => {
    return (raw?.length ?? Number(external?.get('length') ?? 0)) >= MIN_SHARED_BYTES;
  });
  const reads = segments.map(({ nodes }) => new Set(nodes.flatMap(readNames)));
  const isShared = (name: string) => reads.filter((names) => names.has(name)).length > 1;
  return new Set(large.map(({ name }) => name).filter(isShared));
}

interface ValveParts {
  readonly nodes: readonly WireWriter[];
  /** Weights of the outer graph. */
  readonly outer: ReadonlySet<string>;
  readonly location: string | undefined;
}

function writeValve(graph: Graph, plan: ValvePlan, { nodes, outer, location }: ValveParts): Uint8Array {
  const entries = [...plan.inputs, ...plan.gates.flatMap((gate) => gate.entries)].map(({ input }) => input);
  const asBytes = plan.gates.flatMap((gate) =>
    gate.dequantisers.flatMap(({ symbols, scale, zeroPoint, take }) => [
      ...[symbols, scale, zeroPoint],
      ...(take ? [take.input] : []),
    ]),
  );
  const made = plan.segments.flatMap((segment) => segment.outputs.map(({ output }) => output));
  const bytes = plan.gates.flatMap(({ quantiser }) =>
    (quantiser?.tensors ?? []).flatMap((value) => outputsOf(value, quantiser?.form ?? 'bytes')),
  );
  const model = writeModel(headerOf(graph), {
    name: graph.model.graph.name || 'graph',
    nodes,
    initializers: weightsFor(graph, outer, { location }).initializers,
    inputs: [...entries, ...asBytes, ...controls(plan)].map(valueInfoBytes),
    outputs: [...made, ...bytes.map(({ name }) => name)].map(untypedValueInfoBytes),
    valueInfo: plan.gates.flatMap(({ passed }) => passed.map(valueInfoBytes)),
  });
  return model.toBytes();
}

function controls({ gates, segments, emptyShape }: ValvePlan): TensorInfo[] {
  const vector = (name: string): TensorInfo => ({ name, type: 'int64', shape: [''] });
  const flag = (name: string): TensorInfo => ({ name, type: 'bool', shape: [] });
  const ofGate = ({ enter, mixer, quantiser, dequantisers }: Gate): TensorInfo[] => [
    flag(enter),
    ...(mixer ? [flag(mixer.mix), vector(mixer.stay)] : []),
    ...(quantiser ? [flag(quantiser.quantise)] : []),
    ...dequantisers.map(({ dequantise }) => flag(dequantise)),
  ];
  const ofBranches = emptyShape === undefined ? [] : [vector(emptyShape)];
  return [...segments.map(({ run }) => flag(run)), ...gates.flatMap(ofGate), ...ofBranches];
}
