/** Skeletons: models without their weights, which stay in the file and are named by offset. */
import { constantTensor } from '../onnx/constant.ts';
import { buildGraph, type Graph } from '../onnx/graph.ts';
import { type Encoded, partsOf, readModel, writeModel } from '../onnx/model.ts';
import { bytesOf } from '../onnx/wire-reader.ts';
import { referenceTo } from './weights.ts';

/**
 * The same graph, in tens of kilobytes of its own memory: whoever keeps it does not keep the file's bytes.
 * @param location file name of the model, by which its weights are named
 */
export function leaveWeights(graph: Graph, location: string): Graph {
  const { model } = graph;
  const parts = partsOf(model.graph);
  const moved: Encoded[] = [];
  const nodes: Encoded[] = [];
  for (const node of model.graph.nodes) {
    const tensor = constantTensor(node);
    const reference = tensor && referenceTo(tensor, location);
    if (reference) moved.push(reference);
    else nodes.push(bytesOf(node.span));
  }
  const initializers = model.graph.initializers.map(
    (tensor) => referenceTo(tensor, location) ?? bytesOf(tensor.span),
  );
  const bytes = writeModel(model.header, { ...parts, nodes, initializers: [...initializers, ...moved] });
  return buildGraph(readModel(bytes.toBytes()));
}
