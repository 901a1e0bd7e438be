/** Laws of the planner's core against brute force over all allowed heads. `bench planner` runs many more cases. */
import { describe, expect, it } from 'vitest';
import { checkAgainstBruteForce, randomCutProblem } from '../../../test/bench/planner/brute-force.ts';
import { seededRandom } from '../testing/random.ts';
import { type CutProblem, headLine } from './cut-problem.ts';
import { msPerByte, pieceAt } from './envelope.ts';
import { minimumCut, parametricCut } from './parametric-cut.ts';

const EVERY_LINK = { fromX: msPerByte(1e10), toX: msPerByte(1e4) };

/** A chain: 10 ms a node here, 1 ms there; node i makes 10^(4-i) bytes from an input of 10^5. */
const chain: CutProblem = {
  edgeMs: [10, 10, 10],
  cloudMs: [1, 1, 1],
  tensors: [
    { bytes: 1e5, producer: -1, consumers: [0] },
    { bytes: 1e4, producer: 0, consumers: [1] },
    { bytes: 1e3, producer: 1, consumers: [2] },
  ],
};
const sizes = (problem: CutProblem) =>
  parametricCut(problem, EVERY_LINK).map(({ headSet }) => headSet.reduce((sum, flag) => sum + flag, 0));

describe('parametricCut', () => {
  it('equals brute force over all heads, at breakpoints and between, on 500 random graphs', () => {
    const random = seededRandom(20261122);
    const faults = Array.from({ length: 500 }, () =>
      checkAgainstBruteForce(randomCutProblem(random), EVERY_LINK),
    );
    expect(faults.filter((fault) => fault !== undefined)).toEqual([]);
  });

  it('moves from the cloud to the device as the link gets slower', () => {
    expect(sizes(chain)).toEqual([0, 1, 2, 3]);
  });

  it('changes over exactly where the lines of two heads meet', () => {
    const [first, second] = parametricCut(chain, EVERY_LINK);
    expect(first?.toX).toBeCloseTo(9 / 9e4, 12);
    expect(second?.fromX).toBe(first?.toX);
  });

  it('pays a tensor once, however many nodes read it', () => {
    const tensors = [{ bytes: 1000, producer: -1, consumers: [0, 1, 2] }];
    const [fast] = parametricCut({ ...chain, tensors }, EVERY_LINK);
    expect(fast?.bytes).toBe(1000);
  });

  it('takes the smallest of equally good heads, and the same one every time', () => {
    const indifferent = { ...chain, edgeMs: [0, 0, 0], cloudMs: [0, 0, 0] };
    const level = { ...indifferent, tensors: chain.tensors.map((tensor) => ({ ...tensor, bytes: 0 })) };
    expect(sizes(level)).toEqual([0]);
  });

  it('lets no tensor cross that must stay', () => {
    const [input, first, second] = chain.tensors;
    if (!input || !first || !second) throw new Error('the chain has three tensors');
    expect(sizes({ ...chain, tensors: [{ ...input, mustStay: true }, first, second] })).toEqual([1, 2, 3]);
    expect(sizes({ ...chain, tensors: [input, { ...first, mustStay: true }, second] })).toEqual([0, 2, 3]);
  });

  it('keeps pinned nodes in their places', () => {
    expect(sizes({ ...chain, pinnedToHead: [1] })).toEqual([2, 3]);
    expect(sizes({ ...chain, pinnedToTail: [1] })).toEqual([0, 1]);
  });

  it('gives no interval where pins contradict each other', () => {
    expect(sizes({ ...chain, pinnedToHead: [2], pinnedToTail: [0] })).toEqual([]);
  });

  it('counts the way back of outputs made in the cloud, and what every split run pays', () => {
    const problem = { ...chain, outputs: [{ producer: 2, bytes: 100 }], downlinkMsPerByte: 0.01, splitMs: 5 };
    expect(headLine(problem, Uint8Array.of(1, 0, 0))).toEqual({ fixedMs: 10 + 2 + 1 + 5, bytes: 1e4 });
    expect(headLine(problem, Uint8Array.of(1, 1, 1))).toEqual({ fixedMs: 30, bytes: 0 });
  });

  it('finds on one link what it finds there among all links', () => {
    const random = seededRandom(7);
    for (let round = 0; round < 50; round++) {
      const problem = randomCutProblem(random);
      const x = msPerByte(10 ** (4 + 6 * random()));
      const among = pieceAt(parametricCut(problem, EVERY_LINK), x);
      const alone = minimumCut(problem, x);
      expect(alone?.fixedMs).toBe(among?.fixedMs);
      expect(alone?.headSet).toEqual(among?.headSet);
    }
  });

  it.each([
    ['a negative time', { edgeMs: [10, -1, 10] }, 'edgeMs of node 1 is -1'],
    ['a time that is no number', { cloudMs: [Number.NaN, 1, 1] }, 'cloudMs of node 0 is NaN'],
    ['as many times on one side only', { cloudMs: [1] }, '3 times on the device and 1 in the cloud'],
    [
      'a reader before the node that makes it',
      { tensors: [{ bytes: 1, producer: 1, consumers: [0] }] },
      'node 0',
    ],
    ['a node that is not there', { pinnedToHead: [3] }, 'pinned node is 3'],
  ])('refuses %s', (_, change, message) => {
    expect(() => parametricCut({ ...chain, ...change }, EVERY_LINK)).toThrow(message);
  });
});
