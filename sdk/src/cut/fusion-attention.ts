/** Attention: the projections of queries, keys and values up to the output's become one kernel. */
import type { Graph } from '../onnx/graph.ts';
import type { FusionGroup } from './fusion.ts';
import { onlyReader, opAt, producersOf } from './readers.ts';

/** Between the softmax and the product of queries and keys. */
const SCORES: readonly string[] = ['Add', 'Mul', 'Div', 'Where', 'Cast'];
/** Between that product, or the one with the values, and the projections. */
const SHAPED: readonly string[] = ['Transpose', 'Reshape', 'Concat', 'Mul', 'Div', 'Add', 'Split', 'Squeeze'];
/** Between the product with the values and the end of the output's projection. */
const JOINED: readonly string[] = ['Transpose', 'Reshape', 'MatMul', 'Gemm', 'Add'];
const PRODUCTS: readonly string[] = ['MatMul', 'Gemm'];
const MAX_STEPS = 32;

/** The attention whose softmax is the node at `position`. */
export function attentionsAt(graph: Graph, position: number): FusionGroup[] {
  if (opAt(graph, position) !== 'Softmax') return [];
  const scores = productBefore(graph, position, SCORES);
  const mixed = onlyReader(graph, position);
  if (scores === undefined || opAt(graph, mixed) !== 'MatMul' || mixed === undefined) return [];
  const projections = [scores, mixed].flatMap((product) =>
    producersOf(graph, product).map((at) => projectionBefore(graph, at)),
  );
  const first = Math.min(scores, ...projections.filter((at) => at !== undefined));
  return [{ kind: 'attention', first, last: lastJoined(graph, mixed) }];
}

/** The first product that is reached through none but the given operators. */
function productBefore(graph: Graph, position: number, through: readonly string[]): number | undefined {
  const seen = new Set<number>();
  const pending = [position];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    for (const producer of producersOf(graph, at)) {
      if (PRODUCTS.includes(opAt(graph, producer))) return producer;
      // Each node once, and few of them: the operators between are a handful in every real model.
      if (seen.size === MAX_STEPS || seen.has(producer) || !through.includes(opAt(graph, producer))) continue;
      seen.add(producer);
      pending.push(producer);
    }
  }
  return undefined;
}

function projectionBefore(graph: Graph, position: number): number | undefined {
  if (PRODUCTS.includes(opAt(graph, position))) return position;
  return SHAPED.includes(opAt(graph, position)) ? productBefore(graph, position, SHAPED) : undefined;
}

function lastJoined(graph: Graph, mixed: number): number {
  let last = mixed;
  for (let reader = onlyReader(graph, last); reader !== undefined; reader = onlyReader(graph, last)) {
    const isProjected = PRODUCTS.includes(opAt(graph, last)) && last !== mixed;
    if (!JOINED.includes(opAt(graph, reader))) break;
    last = reader;
    // The bias ends it; what is added next is the residual.
    if (isProjected) break;
  }
  return last;
}
