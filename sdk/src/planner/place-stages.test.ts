import { describe, expect, it } from 'vitest';
import { placeStages } from './place-stages.ts';
import type { StageProblem, StageWish } from './stage-problem.ts';
import { whyNoPlacement } from './why-no-placement.ts';

const SEED = Number(process.env.CUTPOINT_SEED ?? 11);

/** Every sequence of devices and boundaries, tried one by one. */
function bruteForce(problem: StageProblem, wish: StageWish): number {
  const { devices, links, crossing, weightBytes } = problem;
  const segments = weightBytes.length;
  let best = Number.POSITIVE_INFINITY;
  interface Step {
    readonly device: string;
    readonly from: number;
    readonly to: number;
  }
  const tryAll = (steps: readonly Step[]): void => {
    if (!(wish.mustSend && steps.length === 1)) best = Math.min(best, costOf(steps));
    const last = steps.at(-1) as Step;
    if (steps.length === wish.maxStages || last.to === segments) return;
    for (const { name } of devices) {
      const isBack = name === problem.source;
      if (isBack ? !wish.mayReturn || steps.length < 2 : steps.some(({ device }) => device === name))
        continue;
      for (let to = isBack ? segments : last.to + 1; to <= segments; to++)
        tryAll([...steps, { device: name, from: last.to, to }]);
    }
  };
  const costOf = (steps: readonly Step[]): number => {
    if (steps.at(-1)?.to !== segments) return Number.POSITIVE_INFINITY;
    let latency = 0;
    const busy: number[] = [];
    for (const { name, memoryBytes, barred = [], segmentMs } of devices) {
      const own = steps.filter(({ device }) => device === name);
      const places = own.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i));
      if (places.some((place) => barred.includes(place))) return Number.POSITIVE_INFINITY;
      const held = places.reduce((sum, place) => sum + (weightBytes[place] ?? 0), 0);
      if (memoryBytes !== null && held > memoryBytes) return Number.POSITIVE_INFINITY;
      const ms = places.reduce((sum, place) => sum + (segmentMs[place] ?? 0), 0);
      busy.push(ms);
      latency += ms;
    }
    for (const [i, { device, to }] of steps.entries()) {
      const next = steps[i + 1]?.device ?? problem.source;
      if (next === device) continue;
      const link = links.find((one) => one.from === device && one.to === next);
      const what = crossing[to];
      if (!link || !what || what.mayLeave === false) return Number.POSITIVE_INFINITY;
      const ms = (what.bytes * 8000) / link.bitsPerSecond;
      busy.push(ms);
      latency += ms + link.delayMs + what.codecMs;
    }
    return wish.objective === 'latency' ? latency : Math.max(...busy);
  };
  for (let first = 0; first <= segments; first++) tryAll([{ device: problem.source, from: 0, to: first }]);
  return best;
}

function randomProblem(next: () => number): StageProblem {
  const segments = 2 + Math.floor(next() * 4);
  const names = ['edge', 'fog', 'metro', 'cloud'].slice(0, 2 + Math.floor(next() * 3));
  const list = (make: () => number, length = segments) => Array.from({ length }, make);
  const devices = names.map((name) => ({
    name,
    segmentMs: list(() => Math.ceil(next() * 30)),
    memoryBytes: next() < 0.4 ? Math.ceil(next() * 250) : null,
    barred: next() < 0.3 ? [Math.floor(next() * segments)] : [],
  }));
  const links = names
    .flatMap((from) => names.map((to) => ({ from, to })))
    .filter(({ from, to }) => from !== to && next() < 0.9)
    .map((ends) => ({ ...ends, bitsPerSecond: 1e4 + next() * 1e6, delayMs: Math.ceil(next() * 10) }));
  const crossing = list(() => 0, segments + 1).map(() => ({
    bytes: Math.ceil(next() * 2000),
    codecMs: Math.ceil(next() * 3),
    mayLeave: next() > 0.15,
  }));
  return { weightBytes: list(() => Math.ceil(next() * 100)), crossing, devices, links, source: 'edge' };
}

function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

describe('placing stages', () => {
  it(`costs what brute force finds, on 1,000 random problems of 2 to 4 stages (seed ${SEED})`, () => {
    const next = randomNumbers(SEED);
    let infeasible = 0;
    for (let i = 0; i < 1000; i++) {
      const problem = randomProblem(next);
      const wish: StageWish = {
        objective: i % 2 === 0 ? 'latency' : 'throughput',
        maxStages: 2 + (i % 3),
        mayReturn: next() < 0.5,
        mustSend: next() < 0.3,
      };
      const placed = placeStages(problem, wish);
      const cost = wish.objective === 'latency' ? placed?.latencyMs : placed?.bottleneckMs;
      const expected = bruteForce(problem, wish);
      infeasible += placed ? 0 : 1;
      expect(cost ?? Number.POSITIVE_INFINITY, `case ${i}: ${JSON.stringify({ problem, wish })}`).toBeCloseTo(
        expected,
        6,
      );
    }
    // Both answers must have been tested.
    expect(infeasible).toBeGreaterThan(20);
    expect(infeasible).toBeLessThan(800);
  });

  const problem: StageProblem = {
    weightBytes: [10, 10, 10],
    crossing: [10_000, 10, 10, 1].map((bytes) => ({ bytes, codecMs: 0 })),
    devices: [
      { name: 'edge', segmentMs: [10, 40, 40], memoryBytes: 10 },
      { name: 'fog', segmentMs: [5, 10, 20], memoryBytes: 10 },
      { name: 'cloud', segmentMs: [1, 2, 3], memoryBytes: null },
    ],
    links: [
      { from: 'edge', to: 'fog', bitsPerSecond: 1e6, delayMs: 1 },
      { from: 'fog', to: 'cloud', bitsPerSecond: 1e6, delayMs: 1 },
      { from: 'cloud', to: 'edge', bitsPerSecond: 1e6, delayMs: 1 },
    ],
    source: 'edge',
  };

  it('goes by way of a fog node where the device has no link to the cloud', () => {
    const placed = placeStages(problem, { objective: 'latency', maxStages: 3 });
    expect(placed?.stages.map(({ device, from, to }) => [device, from, to])).toEqual([
      ['edge', 0, 1],
      ['fog', 1, 2],
      ['cloud', 2, 3],
    ]);
    expect(placed?.latencyMs).toBeCloseTo(10 + 1.08 + 10 + 1.08 + 3 + 1.008);
  });

  it('names the limit that leaves no placement', () => {
    expect(whyNoPlacement(problem, { objective: 'latency', maxStages: 2 })).toEqual([
      'memory',
      'links',
      'stages',
    ]);
    expect(placeStages(problem, { objective: 'latency', maxStages: 2 })).toBeUndefined();
  });

  it.each([
    [{ ...problem, source: 'nowhere' }, 3, /not one of the devices/],
    [{ ...problem, crossing: [] }, 3, /one more/],
    [problem, 9, /from 1 to 8/],
  ] as const)('refuses what is no problem', (wrong, maxStages, message) => {
    expect(() => placeStages(wrong, { objective: 'latency', maxStages })).toThrow(message);
  });
});
