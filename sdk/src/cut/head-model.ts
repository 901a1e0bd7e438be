/**
 * The head of a model as a file of its own: the nodes up to its deepest cut, the weights that these read, and the note of
 * which model it is of. Of the tail it holds the names of cuts and outputs, and nothing else.
 */
import { SplitError } from '../errors.ts';
import { externalRangeOf, externalRanges } from '../onnx/external-data.ts';
import type { Graph } from '../onnx/graph.ts';
import { type Encoded, partsOf, readModel, writeModel } from '../onnx/model.ts';
import { externalTensorProto, type OnnxTensor, tensorTypeOf } from '../onnx/tensor-proto.ts';
import { bytesOf } from '../onnx/wire-reader.ts';
import { elementCount, TENSOR_TYPES } from '../tensor.ts';
import { headOf, prefixHead } from './head.ts';
import { withoutIdleFunctions } from './head-functions.ts';
import { deepestCut, type HeadNote, withHeadNote } from './head-note.ts';
import type { TypesByName } from './legal-cuts.ts';
import { segmentBetween } from './segments.ts';

export interface HeadModelOptions {
  readonly types: TypesByName;
  /** File name under which the large weights will lie beside it. */
  readonly weightsFile: string;
  readonly note: HeadNote;
}

/** Bytes of a file beside the original, or of the original itself. */
export interface Stretch {
  readonly location: string;
  readonly offset: number;
  readonly length: number;
}

export interface HeadModel {
  readonly bytes: Uint8Array;
  /** What the file of weights holds, one behind the other. */
  readonly weights: readonly Stretch[];
}

/**
 * Its outputs are what crosses the deepest cut, and outputs of the model that are made before it.
 * @param graph whose large weights are named by offset, as openModel keeps it of a file
 * @throws SplitError `cut-invalid`, and `model-invalid` for weights of which nothing says where they end
 */
export function headModel(graph: Graph, { types, weightsFile, note }: HeadModelOptions): HeadModel {
  const segment = segmentBetween(graph, prefixHead(0), headOf(deepestCut(note)), { types });
  const model = readModel(segment.bytes);
  const placed = placeWeights(model.graph.initializers, weightsFile);
  const header = withoutIdleFunctions(withHeadNote(model.header, note), model.graph.nodes);
  const parts = { ...partsOf(model.graph), initializers: placed.initializers };
  const bytes = writeModel(header, parts).toBytes();
  const stray = externalRanges(readModel(bytes)).find(({ location }) => location !== weightsFile);
  if (stray)
    throw new SplitError(
      'model-invalid',
      `weights inside a subgraph lie in ${JSON.stringify(stray.location)}; give the model with these in its own file`,
    );
  return { bytes, weights: placed.stretches };
}

function placeWeights(tensors: readonly OnnxTensor[], weightsFile: string) {
  const offsets = new Map<string, number>();
  const stretches: Stretch[] = [];
  let end = 0;
  const initializers = tensors.map((tensor): Encoded => {
    const stretch = stretchOf(tensor);
    if (!stretch) return bytesOf(tensor.span);
    const key = JSON.stringify(stretch);
    const offset = offsets.get(key) ?? end;
    if (!offsets.has(key)) {
      offsets.set(key, offset);
      stretches.push(stretch);
      end += stretch.length;
    }
    return externalTensorProto(tensor, weightsFile, { offset, length: stretch.length });
  });
  return { initializers, stretches };
}

function stretchOf(tensor: OnnxTensor): Stretch | undefined {
  const range = externalRangeOf(tensor);
  if (!range) return undefined;
  const { location, offset, end } = range;
  const type = tensorTypeOf(tensor.dataType);
  if (end === null && !type)
    throw new SplitError(
      'model-invalid',
      `weight ${JSON.stringify(tensor.name)} does not say how long it is`,
    );
  const length =
    end === null && type ? elementCount(tensor.dims) * TENSOR_TYPES[type].bytes : (end ?? 0) - offset;
  return { location, offset, length };
}
