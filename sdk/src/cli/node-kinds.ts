/** What operators do, as far as a picture of the model tells them apart. */
import type { NodeKind } from '../report/frontier-chart.ts';

const PRODUCTS = /Conv|MatMul|Gemm|Einsum|Attention|^(LSTM|GRU|RNN)$/;
const MOVES =
  /^(Reshape|Transpose|Concat|Split|Slice|Gather|Squeeze|Unsqueeze|Flatten|Expand|Tile|Pad|Resize|Upsample|Shape|Identity|Cast|DepthToSpace|SpaceToDepth|Scatter)/;
const OTHERS = /^(If|Loop|Scan|NonMaxSuppression|TopK|Where|NonZero|Sequence|Optional)/;

export function nodeKind(opType: string): NodeKind {
  if (PRODUCTS.test(opType)) return 'product';
  if (MOVES.test(opType)) return 'move';
  return OTHERS.test(opType) ? 'other' : 'plain';
}
