/** Which limit leaves no placement: the one without which there would be one. */
import { placeStages } from './place-stages.ts';
import type { StageProblem, StageWish } from './stage-problem.ts';

export type PlacementLimit = 'memory' | 'policy' | 'links' | 'stages';

/** @returns limits each of which is enough to lift; empty where only several together are */
export function whyNoPlacement(problem: StageProblem, wish: StageWish): readonly PlacementLimit[] {
  const { devices, crossing } = problem;
  const lifted: Readonly<Record<PlacementLimit, readonly [StageProblem, StageWish]>> = {
    memory: [{ ...problem, devices: devices.map((device) => ({ ...device, memoryBytes: null })) }, wish],
    policy: [
      {
        ...problem,
        devices: devices.map((device) => ({ ...device, barred: [] })),
        crossing: crossing.map((one) => ({ ...one, mayLeave: true })),
      },
      wish,
    ],
    links: [{ ...problem, links: allLinks(problem) }, wish],
    stages: [problem, { ...wish, maxStages: Math.min(8, devices.length + 1) }],
  };
  const limits = Object.keys(lifted) as PlacementLimit[];
  return limits.filter((limit) => placeStages(...lifted[limit]) !== undefined);
}

function allLinks({ devices, links }: StageProblem): StageProblem['links'] {
  const pairs = devices
    .flatMap((a) => devices.map((b) => [a.name, b.name] as const))
    .filter(([a, b]) => a !== b);
  const isThere = (from: string, to: string) => links.some((link) => link.from === from && link.to === to);
  const missing = pairs.filter(([from, to]) => !isThere(from, to));
  return [...links, ...missing.map(([from, to]) => ({ from, to, bitsPerSecond: 1e9, delayMs: 1 }))];
}
