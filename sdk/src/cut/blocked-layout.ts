/**
 * Blocked layouts: at level `all` ONNX Runtime computes convolutions on a CPU in blocks of channels, and adds a residual
 * in the same kernel if it has those blocks too. A residual that crosses a cut has not; the sum would then be computed
 * apart, in this block and in all that follow in its segment. Averaging over a window of one pixel changes nothing and
 * takes the value into blocks.
 */
import type { OnnxNode } from '../onnx/graph-proto.ts';
import { nodeProto } from '../onnx/node-proto.ts';
import type { WireWriter } from '../onnx/wire-writer.ts';
import type { TypesByName } from './legal-cuts.ts';

const BLOCK_CHANNELS = 8;
const CONVOLVED: readonly string[] = ['Conv'];
const JOINED: readonly string[] = ['Add', 'Sum', 'Mul', 'Concat'];

/** Those of the names that a convolution and a sum, product or concatenation among the nodes read. */
export function residualsAmong(
  names: Iterable<string>,
  nodes: readonly OnnxNode[],
  types: TypesByName,
): string[] {
  const isReadBy = (name: string, ops: readonly string[]) =>
    nodes.some((node) => ops.includes(node.opType) && node.inputs.includes(name));
  return [...names].filter(
    (name) => isInBlocks(types, name) && isReadBy(name, CONVOLVED) && isReadBy(name, JOINED),
  );
}

function isInBlocks(types: TypesByName, name: string): boolean {
  const info = types.get(name);
  const channels = info?.shape?.[1];
  const isPicture = info?.type === 'float32' && info.shape?.length === 4;
  return isPicture && typeof channels === 'number' && channels % BLOCK_CHANNELS === 0;
}

export function intoBlocks(from: string, to: string): WireWriter {
  return nodeProto({
    opType: 'AveragePool',
    inputs: [from],
    outputs: [to],
    attributes: { kernel_shape: [1, 1] },
  });
}
