/** What the blocks of one cut problem share: who makes and reads what, and what each head of first nodes costs. */
import type { CutBlock } from './cut-blocks.ts';
import { type CutProblem, headLine, type ProblemTensor } from './cut-problem.ts';
import type { Line } from './envelope.ts';

export interface BlockContext {
  readonly problem: CutProblem;
  /** For each node the tensors that it makes, and those whose last reader it is. */
  readonly made: readonly (readonly ProblemTensor[])[];
  readonly lastRead: readonly (readonly ProblemTensor[])[];
  /** For each node the nodes that it reads from. */
  readonly sources: readonly (readonly number[])[];
  /** What each node adds when it moves to the head: its time there less its time, and its outputs' way back, in the cloud. */
  readonly deltaMs: Float64Array;
  /** At n, the line of the head that is the first n nodes. */
  readonly prefixLines: readonly Line[];
  readonly mustStay: readonly ProblemTensor[];
}

export function blockContext(problem: CutProblem): BlockContext {
  const count = problem.edgeMs.length;
  const lists = <T>(): T[][] => Array.from({ length: count }, () => []);
  const [made, lastRead, sources] = [lists<ProblemTensor>(), lists<ProblemTensor>(), lists<number>()];
  for (const tensor of problem.tensors) {
    const last = tensor.consumers.at(-1);
    if (last === undefined) continue;
    lastRead[last]?.push(tensor);
    if (tensor.producer < 0) continue;
    made[tensor.producer]?.push(tensor);
    for (const consumer of tensor.consumers) sources[consumer]?.push(tensor.producer);
  }
  const deltaMs = Float64Array.from(problem.edgeMs, (ms, node) => ms - (problem.cloudMs[node] ?? 0));
  for (const { producer, bytes } of problem.outputs ?? []) {
    deltaMs[producer] = (deltaMs[producer] ?? 0) - bytes * (problem.downlinkMsPerByte ?? 0);
  }
  const mustStay = problem.tensors.filter((tensor) => tensor.mustStay && tensor.consumers.length > 0);
  return { problem, made, lastRead, sources, deltaMs, prefixLines: prefixLines(problem, deltaMs), mustStay };
}

function prefixLines(problem: CutProblem, deltaMs: Float64Array): Line[] {
  const changes = new Float64Array(deltaMs.length + 1);
  for (const { producer, consumers, bytes } of problem.tensors) {
    const last = consumers.at(-1);
    if (last === undefined) continue;
    changes[producer + 1] = (changes[producer + 1] ?? 0) + bytes;
    changes[last + 1] = (changes[last + 1] ?? 0) - bytes;
  }
  const empty = headLine(problem, new Uint8Array(deltaMs.length));
  let fixedMs = deltaMs.length === 0 ? (problem.splitMs ?? 0) : empty.fixedMs;
  let bytes = 0;
  return Array.from(changes, (change, node) => {
    if (node > 0) fixedMs += deltaMs[node - 1] ?? 0;
    bytes += change;
    return { fixedMs, bytes };
  });
}

/** Tensors that are made in the block or read for the last time there, each once. Others cost the same whatever is chosen. */
export function* tensorsWithin(context: BlockContext, { first, end }: CutBlock): Generator<ProblemTensor> {
  for (let node = first; node < end; node++) {
    yield* context.made[node] ?? [];
    for (const tensor of context.lastRead[node] ?? []) if (tensor.producer < first) yield tensor;
  }
}
