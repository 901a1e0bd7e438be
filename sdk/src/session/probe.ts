/** A probe: the whole model with outputs of our choice, loaded to learn about values in its midst. */
import { segmentModel } from '../cut/segments.ts';
import type { Graph } from '../onnx/graph.ts';
import { type OnnxModel, partsOf, readModel, writeModel } from '../onnx/model.ts';
import { type OnnxTensor, tensorTypeOf } from '../onnx/tensor-proto.ts';
import { untypedValueInfoBytes, valueInfoBytes } from '../onnx/value-info.ts';
import { WireWriter } from '../onnx/wire-writer.ts';
import type { LoadedModel, Runtime } from '../runtime/runtime.ts';
import type { ModelSource } from '../source/model-source.ts';
import type { TensorInfo } from '../tensor.ts';

export interface ProbeOptions {
  readonly source: ModelSource;
  readonly runtime: Runtime;
  /** The graph's inputs at the shapes to infer from. */
  readonly inputs: readonly TensorInfo[];
}

export interface Probe extends ProbeOptions {
  readonly model: OnnxModel;
  /** Names of everything that nodes make, and of outputs that are the same on every run. */
  readonly made: readonly string[];
}

export function createProbe(graph: Graph, options: ProbeOptions): Probe {
  const { location } = options.source;
  // As a segment of all nodes, so that weights are read by the runtime and not copied to it.
  const whole = segmentModel(graph, 0, graph.nodes.length, {
    types: new Map(),
    ...(location && { location }),
  });
  const made = new Set([...graph.producers.keys(), ...whole.outputs]);
  return { ...options, model: readModel(whole.bytes), made: [...made] };
}

/** Loads the model with the named values as its only outputs. @throws SplitError `runtime-failed` */
export function loadWithOutputs(probe: Probe, names: readonly string[]): Promise<LoadedModel> {
  return load(probe, names, []);
}

/**
 * Types of the named values, as the runtime infers them from a model whose large weights are inputs: it need not read
 * them. @throws SplitError `runtime-failed`
 */
export async function inferTypes(probe: Probe, names: readonly string[]): Promise<readonly TensorInfo[]> {
  // Some operators want their weights to be constants.
  const loaded = await load(bare(probe), names, []).catch(() => load(probe, names, []));
  await loaded.release();
  return loaded.outputs;
}

/** Weights of this size are never shapes or the like, by whose values types are inferred. */
const MIN_BARE_BYTES = 1 << 16;

function bare(probe: Probe): Probe {
  const { graph } = probe.model;
  const isLarge = ({ external }: OnnxTensor) => Number(external?.get('length') ?? 0) >= MIN_BARE_BYTES;
  const fed = graph.initializers.filter(isLarge).flatMap(({ name, dataType, dims }) => {
    const type = tensorTypeOf(dataType);
    return type ? [{ name, type, shape: dims }] : [];
  });
  const names = new Set(fed.map(({ name }) => name));
  const initializers = graph.initializers.filter(({ name }) => !names.has(name));
  const model = { ...probe.model, graph: { ...graph, initializers } };
  return { ...probe, model, inputs: [...probe.inputs, ...fed] };
}

/** Loads the model with the shape of each named value as an output; `outputs` are their names, in order. */
export async function loadWithShapes(
  probe: Probe,
  names: readonly string[],
): Promise<{ readonly loaded: LoadedModel; readonly outputs: readonly string[] }> {
  const taken = new Set([...probe.made, ...probe.inputs.map((input) => input.name)]);
  const outputs = names.map((_, i) => freshName(taken, `cutpoint/shape_${i}`));
  const nodes = names.map((name, i) => shapeNode(name, outputs[i] ?? ''));
  return { loaded: await load(probe, outputs, nodes), outputs };
}

function load(
  { model, source, runtime, inputs }: Probe,
  outputs: readonly string[],
  nodes: readonly WireWriter[],
) {
  const parts = partsOf(model.graph);
  const { directory } = source;
  const bytes = writeModel(model.header, {
    ...parts,
    nodes: [...parts.nodes, ...nodes],
    inputs: inputs.map(valueInfoBytes),
    outputs: outputs.map(untypedValueInfoBytes),
  }).toBytes();
  return runtime.load({ bytes, optimization: 'disabled', ...(directory && { directory }) });
}

function freshName(taken: ReadonlySet<string>, name: string): string {
  return taken.has(name) ? freshName(taken, `${name}_`) : name;
}

function shapeNode(input: string, output: string): WireWriter {
  return new WireWriter().text(1, input).text(2, output).text(3, output).text(4, 'Shape');
}
