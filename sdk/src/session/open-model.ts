/** Opens a model: reads it, asks the runtime for the type of every value, and finds the legal cuts. */
import type { Cut } from '../cut/cut.ts';
import { deepestCut, type HeadNote, readHeadNote } from '../cut/head-note.ts';
import { legalCuts, type TypesByName } from '../cut/legal-cuts.ts';
import { sizedCut } from '../cut/make-cut.ts';
import { leaveWeights } from '../cut/skeleton.ts';
import { SplitError } from '../errors.ts';
import { buildGraph, type Graph } from '../onnx/graph.ts';
import { type OnnxModel, readModel } from '../onnx/model.ts';
import { tensorInfoOf, type ValueInfo } from '../onnx/value-info.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { ModelSource } from '../source/model-source.ts';
import { elementCount, TENSOR_TYPES, type TensorInfo } from '../tensor.ts';
import { measureShapes } from './measure-shapes.ts';
import { modelDigest } from './model-digest.ts';
import { createProbe } from './probe.ts';
import { probeTypes } from './probe-types.ts';

/** Concrete shapes by input name; inputs left out keep their symbolic dimensions. */
export type InputShapes = Readonly<Record<string, readonly number[]>>;

export interface OpenModelOptions {
  /**
   * Shapes that are going to be fed, by input, to count bytes by. They choose cuts; they bind nothing:
   * segments go on taking every shape that the model takes.
   */
  readonly inputShapes?: InputShapes | undefined;
  /** Told the model's digest before anything is run; what it throws ends the opening. */
  readonly onDigest?: ((digest: string) => void) | undefined;
  /** Whether the file may hold the head of a model alone. @default false */
  readonly mayBeHead?: boolean | undefined;
}

export interface SplitModel {
  /** SHA-256 of the model file, in hexadecimal; of its weights in other files too. See model-digest.ts. */
  readonly digest: string;
  readonly model: OnnxModel;
  readonly graph: Graph;
  /** Type of every tensor as the model declares it, with its symbolic dimensions. For segments. */
  readonly types: TypesByName;
  /** The same at `inputShapes`, where these close them. For bytes and operations. */
  readonly sizedTypes: TypesByName;
  readonly inputs: readonly TensorInfo[];
  /** Outputs that are tensors of numbers; others cannot be fetched. */
  readonly outputs: readonly TensorInfo[];
  /** Every legal cut; their `bytes` are those at `inputShapes`. */
  readonly cuts: readonly Cut[];
  readonly source: ModelSource;
  /** As they were given to openModel. */
  readonly inputShapes: InputShapes;
  /**
   * There where the file holds the head of a model alone: `graph` and `types` are then the head's, all else is that of
   * the whole model, as the note has it.
   */
  readonly head?: HeadNote | undefined;
}

/** @throws SplitError `model-invalid`, `options-invalid` for an impossible inputShapes, `runtime-failed` */
export async function openModel(
  source: ModelSource,
  runtime: Runtime,
  { inputShapes = {}, mayBeHead = false, onDigest }: OpenModelOptions = {},
): Promise<SplitModel> {
  const [bytes, fileDigest] = await Promise.all([source.readStructure?.() ?? source.read(), source.digest()]);
  const read = buildGraph(readModel(bytes));
  const head = readHeadNote(read.model);
  if (head && !mayBeHead)
    throw new SplitError('model-invalid', 'the file holds the head of a model alone; give the whole model');
  const digest = head?.model ?? (await modelDigest(source, read.model, fileDigest));
  onDigest?.(digest);
  // Of a file only the skeleton is kept: the weights are read from the file again by whoever runs them.
  const graph = source.location === undefined ? read : leaveWeights(read, source.location);
  const inputs = graph.inputs.map(inputInfo);
  const bound = bindShapes(inputs, shapesOf(inputs, { shapes: inputShapes, head }));
  const declared = createProbe(graph, { source, runtime, inputs });
  const types = await probeTypes(declared);
  const fed = bound ? createProbe(graph, { source, runtime, inputs: bound }) : declared;
  const sizedTypes = await measureShapes(fed, bound ? await probeTypes(fed) : types);
  const found = { digest, model: graph.model, graph, types, sizedTypes, source, inputShapes };
  if (head) {
    const cuts = cutsOfHead(head, graph, sizedTypes);
    return { ...found, inputs: head.inputs, outputs: head.outputs, cuts, head };
  }
  const cuts = legalCuts(graph, types, digest, { sizedTypes });
  const outputs = graph.outputs
    .map((output) => outputInfo(output, types))
    .filter((info) => info !== undefined);
  return { ...found, inputs, outputs, cuts };
}

function cutsOfHead(head: HeadNote, graph: Graph, sizedTypes: TypesByName): readonly Cut[] {
  const { position } = deepestCut(head);
  if (graph.nodes.length === position) return head.cuts.map((cut) => sizedCut(cut, sizedTypes));
  throw new SplitError(
    'model-invalid',
    `the head ends at node ${graph.nodes.length}; its note says ${position}`,
  );
}

/** Of a head those of inputs that it reads; the tail may read others. */
function shapesOf(
  inputs: readonly TensorInfo[],
  { shapes, head }: { readonly shapes: InputShapes; readonly head: HeadNote | undefined },
): InputShapes {
  const isOfTail = (name: string) =>
    head?.inputs.some((input) => input.name === name) && !inputs.some((input) => input.name === name);
  return Object.fromEntries(Object.entries(shapes).filter(([name]) => !isOfTail(name)));
}

function inputInfo(input: ValueInfo): TensorInfo {
  const info = tensorInfoOf(input);
  if (info) return info;
  throw new SplitError('model-invalid', `input ${JSON.stringify(input.name)} is not a tensor of numbers`);
}

/** As the model declares it, else as the runtime infers it. */
function outputInfo(output: ValueInfo, types: TypesByName): TensorInfo | undefined {
  const declared = tensorInfoOf(output);
  return declared?.shape ? declared : (types.get(output.name) ?? declared);
}

/** A model is run at the shapes that it is opened for. */
const MOST_INPUT_BYTES = 2 ** 31;

/** The inputs at the shapes that are to be fed; undefined where these say nothing that the model does not. */
function bindShapes(inputs: readonly TensorInfo[], shapes: InputShapes): readonly TensorInfo[] | undefined {
  for (const name of Object.keys(shapes)) {
    if (inputs.some((input) => input.name === name)) continue;
    throw new SplitError(
      'options-invalid',
      `inputShapes names ${JSON.stringify(name)}, which is not an input`,
    );
  }
  const bound = inputs.map((input) => bindShape(input, shapes[input.name]));
  return bound.every((info, i) => info === inputs[i]) ? undefined : bound;
}

function bindShape(info: TensorInfo, shape: readonly number[] | undefined): TensorInfo {
  if (!shape) return info;
  const isPossible =
    shape.every((dim) => Number.isSafeInteger(dim) && dim >= 0) &&
    elementCount(shape) * TENSOR_TYPES[info.type].bytes <= MOST_INPUT_BYTES;
  const fits =
    !info.shape ||
    (info.shape.length === shape.length &&
      info.shape.every((dim, i) => typeof dim === 'string' || dim === shape[i]));
  if (!isPossible || !fits) {
    const [given, wanted] = [JSON.stringify(shape), JSON.stringify(info.shape)];
    throw new SplitError(
      'options-invalid',
      `inputShapes gives ${given} for ${info.name}, which takes ${wanted} and ${MOST_INPUT_BYTES} bytes at most`,
    );
  }
  return info.shape?.every((dim) => typeof dim === 'number') ? info : { ...info, shape };
}
