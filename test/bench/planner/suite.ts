/**
 * The planner's core: all breakpoints between 10 kbit/s and 10 Gbit/s of graphs of 1,000 and 10,000 nodes on one core,
 * and 10,000 small graphs against brute force.
 */
import type { CutProblem } from '../../../sdk/src/planner/cut-problem.ts';
import { msPerByte } from '../../../sdk/src/planner/envelope.ts';
import { parametricCut } from '../../../sdk/src/planner/parametric-cut.ts';
import { seededRandom } from '../../../sdk/src/testing/random.ts';
import type { Suite } from '../main.ts';
import { median } from '../statistics.ts';
import { checkAgainstBruteForce, randomCutProblem } from './brute-force.ts';
import { residualNet, wideGraph } from './graphs.ts';

const EVERY_LINK = { fromX: msPerByte(1e10), toX: msPerByte(1e4) };
const CASES = 10_000;
const SEED = 20261122;

interface Family {
  readonly name: string;
  make(nodes: number, random: () => number): CutProblem;
  /** Whether its time is part of the figure. */
  readonly counts: boolean;
}

const FAMILIES: readonly Family[] = [
  { name: 'residual', make: residualNet, counts: true },
  { name: 'wide 30', make: (nodes, random) => wideGraph(nodes, 30, random), counts: true },
  // Several times as many breakpoints as any net has: shown beside the others, to see how time grows with them.
  { name: 'wide 100', make: (nodes, random) => wideGraph(nodes, 100, random), counts: false },
];

export const plannerSuite: Suite = {
  async run(progress) {
    const dag1000Ms = slowestFamilyMs(1000, 15, progress);
    const dag10000Ms = slowestFamilyMs(10_000, 3, progress);
    progress(`${CASES} graphs of up to 14 nodes against brute force, seed ${SEED}`);
    const bruteForceMismatches = countMismatches(progress);
    return { dag1000Ms, dag10000Ms, bruteForceCases: CASES, bruteForceMismatches };
  },
};

function countMismatches(progress: (text: string) => void): number {
  const random = seededRandom(SEED);
  let mismatches = 0;
  for (let done = 0; done < CASES; done++) {
    const fault = checkAgainstBruteForce(randomCutProblem(random), EVERY_LINK);
    if (fault === undefined) continue;
    mismatches++;
    progress(`case ${done}: ${fault}`);
  }
  return mismatches;
}

/** The median over seeds, of the family whose median is largest; three graphs are solved before to warm up. */
function slowestFamilyMs(nodes: number, graphs: number, progress: (text: string) => void): number {
  const medians = FAMILIES.map(({ name, make, counts }) => {
    const problems = Array.from({ length: graphs }, (_, seed) => make(nodes, seededRandom(SEED + seed)));
    for (const problem of problems.slice(0, 3)) parametricCut(problem, EVERY_LINK);
    const runs = problems.map((problem) => timeOnce(problem));
    const ms = median(runs.map((run) => run.ms));
    const intervals = median(runs.map((run) => run.intervals));
    progress(`${nodes} nodes, ${name}: ${ms.toFixed(1)} ms, ${intervals} intervals`);
    return counts ? ms : 0;
  });
  return Math.max(...medians);
}

function timeOnce(problem: CutProblem): { ms: number; intervals: number } {
  const startMs = performance.now();
  const intervals = parametricCut(problem, EVERY_LINK).length;
  return { ms: performance.now() - startMs, intervals };
}
