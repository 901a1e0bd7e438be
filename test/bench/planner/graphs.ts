/** Random cut problems of many nodes: nets of residual blocks, and wide graphs without a waist. */
import type { CutProblem } from '../../../sdk/src/planner/cut-problem.ts';

interface GrowingTensor {
  bytes: number;
  readonly producer: number;
  readonly consumers: number[];
}

/** Blocks of five nodes and a sum; a third of them with a node in the shortcut. Frontiers shrink with depth. */
export function residualNet(nodes: number, random: () => number): CutProblem {
  const tensors: GrowingTensor[] = [{ bytes: 150_528, producer: -1, consumers: [] }];
  const add = (reads: readonly number[]): number => {
    const node = tensors.length - 1;
    for (const read of reads) tensors[read + 1]?.consumers.push(node);
    const bytes = Math.floor(800_000 * Math.exp((-4 * node) / nodes) * (0.2 + random()));
    tensors.push({ bytes, producer: node, consumers: [] });
    return node;
  };
  let last = add([-1]);
  while (tensors.length <= nodes - 8) {
    const [block, shortcut] = [last, random() < 0.3 ? add([last]) : last];
    for (let layer = 0; layer < 5; layer++) last = add([layer === 0 ? block : last]);
    last = add([add([last, shortcut])]);
  }
  while (tensors.length <= nodes) last = add([last]);
  const cloudMs = tensors.slice(1).map(() => random() * 0.2);
  return { cloudMs, edgeMs: cloudMs.map((ms) => ms * (2 + 8 * random())), tensors };
}

/**
 * Every node reads one to three of the `width` nodes before it. Early nodes cost about the same on both sides and late
 * ones much more on the device, while tensors shrink: so the best cut moves through the whole graph with the bandwidth.
 */
export function wideGraph(nodes: number, width: number, random: () => number): CutProblem {
  const tensors: GrowingTensor[] = [{ bytes: 3_000_000, producer: -1, consumers: [] }];
  for (let node = 0; node < nodes; node++) {
    const first = Math.max(0, node - width);
    const reads = Array.from({ length: 1 + Math.floor(random() * 3) }, () =>
      node < 3 ? -1 : first + Math.floor(random() * (node - first)),
    );
    for (const read of new Set(reads)) tensors[read + 1]?.consumers.push(node);
    const bytes = Math.floor(Math.exp(Math.log(300_000) * (1 - node / nodes) + 2 * random()));
    tensors.push({ bytes, producer: node, consumers: [] });
  }
  const cloudMs = Array.from({ length: nodes }, () => random() * 0.2);
  const edgeMs = cloudMs.map((ms, node) => ms * (1.05 + 30 * (node / nodes) ** 3 * random()));
  return { cloudMs, edgeMs, tensors };
}
