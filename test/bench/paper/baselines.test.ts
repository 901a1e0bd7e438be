import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type CutProblem,
  headLine,
  isAllowedHead,
  isCrossing,
} from '../../../sdk/src/planner/cut-problem.ts';
import { lineAt, msPerByte } from '../../../sdk/src/planner/envelope.ts';
import { seededRandom } from '../../../sdk/src/testing/random.ts';
import { randomCutProblem } from '../planner/brute-force.ts';
import { chainHeads, chainPick, fixedMidHead } from './chain-planner.ts';
import { minCutPick } from './min-cut-planner.ts';

const seeds = fc.integer({ min: 1, max: 2 ** 30 });
const links = fc.constantFrom(1.1e6, 5.85e6, 18.88e6, 50e6, 100e6).map(msPerByte);

describe('baselines of the paper suite', () => {
  it('DADS picks a head as cheap as the best of all closed heads', () => {
    fc.assert(
      fc.property(seeds, links, (seed, x) => {
        const problem = randomCutProblem(seededRandom(seed));
        expectSameMs(
          minCutPick(problem, x)?.believedMs,
          cheapestMs(problem, x, () => true),
        );
      }),
    );
  });

  it('Neurosurgeon picks a head as cheap as the best of all chain cuts', () => {
    fc.assert(
      fc.property(seeds, links, (seed, x) => {
        const problem = randomCutProblem(seededRandom(seed));
        const isChain = (head: Uint8Array) =>
          isPrefix(head) && (!head.includes(1) || crossing(problem, head) <= 1);
        expectSameMs(chainPick(problem, x)?.believedMs, cheapestMs(problem, x, isChain));
      }),
    );
  });

  it('DADS cuts through branches where Neurosurgeon cannot', () => {
    const heads = chainHeads(FORK).map((head) => head.join(''));
    expect(heads).toEqual(['0000', '1000', '1111']);
    // On the device the big tensor is shrunk by both branches, and two small ones cross.
    expect(minCutPick(FORK, 0.001)?.headSet.join('')).toBe('1110');
    expect(chainPick(FORK, 0.001)?.headSet.join('')).toBe('1111');
  });

  it('the fixed cut is the chain cut nearest to the middle', () => {
    expect(fixedMidHead(FORK)?.join('')).toBe('1000');
  });
});

/** One node, two branches that read it, and a heavy node that joins them. */
const FORK: CutProblem = {
  edgeMs: [1, 1, 1, 100],
  cloudMs: [1, 1, 1, 1],
  tensors: [
    { bytes: 1e6, producer: -1, consumers: [0] },
    { bytes: 1e6, producer: 0, consumers: [1, 2] },
    { bytes: 10, producer: 1, consumers: [3] },
    { bytes: 10, producer: 2, consumers: [3] },
  ],
};

function cheapestMs(
  problem: CutProblem,
  x: number,
  isOffered: (head: Uint8Array) => boolean,
): number | undefined {
  const count = problem.edgeMs.length;
  let best: number | undefined;
  for (let bits = 0; bits < 2 ** count; bits++) {
    const head = Uint8Array.from({ length: count }, (_, node) => (bits >> node) & 1);
    if (!isAllowedHead(problem, head) || !isOffered(head)) continue;
    best = Math.min(best ?? Number.POSITIVE_INFINITY, lineAt(headLine(problem, head), x));
  }
  return best;
}

function isPrefix(head: Uint8Array): boolean {
  return head.every((bit, node) => bit === 0 || node === 0 || head[node - 1] === 1);
}

function crossing({ tensors }: CutProblem, head: Uint8Array): number {
  return tensors.filter((tensor) => isCrossing(tensor, head)).length;
}

function expectSameMs(found: number | undefined, expected: number | undefined): void {
  if (expected === undefined) expect(found).toBeUndefined();
  else expect(found).toBeCloseTo(expected, 6);
}
