/** Bytes of the weights that each stretch of a model between cuts reads. */
import type { Cut } from '../cut/cut.ts';
import type { OnnxTensor } from '../onnx/tensor-proto.ts';
import type { SplitModel } from '../session/open-model.ts';

/** As they lie in the file, or in another one; each weight counts where it is read first. */
export function stageWeightBytes({ graph }: SplitModel, cuts: readonly Cut[]): readonly number[] {
  const seen = new Set<string>();
  const bounds = [0, ...cuts.map(({ position }) => position), graph.nodes.length];
  return bounds.slice(1).map((end, i) => {
    const read = graph.nodes.slice(bounds[i], end).flatMap(({ inputs }) => inputs);
    const own = [...new Set(read)].filter((name) => graph.initializers.has(name) && !seen.has(name));
    for (const name of own) seen.add(name);
    return own.reduce((sum, name) => sum + sizeOf(graph.initializers.get(name)), 0);
  });
}

function sizeOf(weight: OnnxTensor | undefined): number {
  if (!weight) return 0;
  const outside = weight.external?.get('length');
  return outside === undefined ? weight.span.end - weight.span.start : Number(outside);
}
