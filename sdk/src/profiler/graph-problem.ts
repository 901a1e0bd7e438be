/** From a graph to the planner's cut problem: who reads what, how large it is as it travels, and what each node takes. */

import type { Cut } from '../cut/cut.ts';
import { headOf } from '../cut/head.ts';
import type { TypesByName } from '../cut/legal-cuts.ts';
import type { Graph } from '../onnx/graph.ts';
import type { CutProblem, HeadMask, ProblemTensor } from '../planner/cut-problem.ts';
import { TENSOR_TYPES } from '../tensor.ts';

export interface GraphProblemOptions {
  /** Types at the shapes that are going to be fed. A value that is not in it, or of unknown size, cannot cross. */
  readonly types: TypesByName;
  readonly edgeMs: ArrayLike<number>;
  readonly cloudMs: ArrayLike<number>;
  /** Bytes that a value takes on the wire, from its bytes in memory. @default as it is */
  readonly codedBytes?: (bytes: number, name: string) => number;
  /** Values that never cross. */
  readonly mustStay?: ReadonlySet<string>;
  readonly downlinkMsPerByte?: number;
  readonly splitMs?: number;
}

/** Nodes are the graph's, by position. */
export function graphProblem(graph: Graph, options: GraphProblemOptions): CutProblem {
  const { types, codedBytes = (bytes) => bytes, mustStay } = options;
  const { edgeMs, cloudMs, downlinkMsPerByte, splitMs } = options;
  const tensorOf = (name: string, producer: number): ProblemTensor => {
    const bytes = bytesOf(types, name);
    const stays = bytes === undefined || (mustStay?.has(name) ?? false);
    const consumers = graph.consumers.get(name) ?? [];
    return { bytes: codedBytes(bytes ?? 0, name), producer, consumers, mustStay: stays };
  };
  const inputs = graph.inputs.map(({ name }) => tensorOf(name, -1));
  const made = [...graph.producers].map(([name, producer]) => tensorOf(name, producer));
  const outputs = graph.outputs.flatMap(({ name }) => {
    const producer = graph.producers.get(name);
    return producer === undefined ? [] : [{ producer, bytes: bytesOf(types, name) ?? 0 }];
  });
  return {
    edgeMs,
    cloudMs,
    tensors: [...inputs, ...made],
    outputs,
    ...(downlinkMsPerByte !== undefined && { downlinkMsPerByte }),
    ...(splitMs !== undefined && { splitMs }),
  };
}

/** The cuts, out of those offered, whose heads are the given masks: the shortlist to time as real segments. */
export function cutsOfHeads(cuts: readonly Cut[], heads: readonly HeadMask[]): readonly Cut[] {
  const wanted = new Set(heads.map((mask) => mask.join('')));
  return cuts.filter((cut) => {
    const head = headOf(cut);
    const count = heads[0]?.length ?? 0;
    return wanted.has(Uint8Array.from({ length: count }, (_, node) => (head.has(node) ? 1 : 0)).join(''));
  });
}

function bytesOf(types: TypesByName, name: string): number | undefined {
  const info = types.get(name);
  if (!info?.shape?.every((dim) => typeof dim === 'number')) return undefined;
  return info.shape.reduce<number>((product, dim) => product * Number(dim), TENSOR_TYPES[info.type].bytes);
}
