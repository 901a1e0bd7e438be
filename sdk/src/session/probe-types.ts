/** Types and shapes of all values, found by loading the model with every value as an output: no run is needed. */
import type { TypesByName } from '../cut/legal-cuts.ts';
import { segmentModel } from '../cut/segments.ts';
import { SplitError } from '../errors.ts';
import type { Graph } from '../onnx/graph.ts';
import { type OnnxModel, partsOf, readModel, writeModel } from '../onnx/model.ts';
import { tensorInfoOf, untypedValueInfoBytes, valueInfoBytes } from '../onnx/value-info.ts';
import { WireWriter } from '../onnx/wire-writer.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { ModelSource } from '../source/model-source.ts';
import type { TensorInfo } from '../tensor.ts';

/** Concrete shapes by input name; inputs left out keep their symbolic dimensions. */
export type InputShapes = Readonly<Record<string, readonly number[]>>;

export interface ProbeOptions {
  readonly source: ModelSource;
  readonly runtime: Runtime;
  /** The graph's inputs at the shapes to infer from. */
  readonly inputs: readonly TensorInfo[];
}

/** Every value that is a tensor of numbers. Strings, sequences and optionals are left out. */
export async function probeTypes(graph: Graph, options: ProbeOptions): Promise<TypesByName> {
  const { location } = options.source;
  // As a segment of all nodes, so that weights are read by the runtime and not copied to it.
  const whole = segmentModel(graph, 0, graph.nodes.length, {
    types: new Map(),
    ...(location && { location }),
  });
  const model = readModel(whole.bytes);
  const names = graph.nodes.flatMap((node) => node.outputs).filter((name) => name !== '');
  const found = await askRuntime(model, options, { outputs: names });
  const inputs = options.inputs.map((info) => [info.name, info] as const);
  const types = new Map([...inputs, ...found.map((info) => [info.name, normalise(info)] as const)]);
  return settleScalars(model, options, types, new Set(names));
}

// The runtime reports a scalar and an unknown rank alike, as []. The length of its Shape tells them apart.
async function settleScalars(
  model: OnnxModel,
  options: ProbeOptions,
  types: Map<string, TensorInfo>,
  made: ReadonlySet<string>,
): Promise<TypesByName> {
  const unclear = [...types.values()].filter((info) => made.has(info.name) && info.shape === null);
  if (unclear.length === 0) return types;
  const lengthNames = unclear.map((_, i) => freshName(types, `cutpoint/shape_${i}`));
  const nodes = unclear.map(({ name }, i) => shapeNode(name, lengthNames[i] ?? ''));
  const found = await askRuntime(model, options, { outputs: lengthNames, nodes });
  const rankOf = new Map(found.map((info) => [info.name, info.shape?.[0]]));
  for (const [i, info] of unclear.entries()) {
    if (rankOf.get(lengthNames[i] ?? '') === 0) types.set(info.name, { ...info, shape: [] });
  }
  return types;
}

interface Question {
  readonly outputs: readonly string[];
  readonly nodes?: readonly WireWriter[];
}

async function askRuntime(model: OnnxModel, { source, runtime, inputs }: ProbeOptions, question: Question) {
  const parts = partsOf(model.graph);
  const { bytes } = {
    bytes: writeModel(model.header, {
      ...parts,
      nodes: [...parts.nodes, ...(question.nodes ?? [])],
      inputs: inputs.map(valueInfoBytes),
      outputs: question.outputs.map(untypedValueInfoBytes),
    }).toBytes(),
  };
  const { directory } = source;
  const loaded = await runtime.load({ bytes, optimization: 'disabled', ...(directory && { directory }) });
  await loaded.release();
  return loaded.outputs;
}

function normalise(info: TensorInfo): TensorInfo {
  if (!info.shape || info.shape.length === 0) return { ...info, shape: null };
  return { ...info, shape: info.shape.map((dim) => (typeof dim === 'number' && dim < 0 ? '' : dim)) };
}

function freshName(types: ReadonlyMap<string, unknown>, name: string): string {
  return types.has(name) ? freshName(types, `${name}_`) : name;
}

function shapeNode(input: string, output: string): WireWriter {
  return new WireWriter().text(1, input).text(2, output).text(3, output).text(4, 'Shape');
}
