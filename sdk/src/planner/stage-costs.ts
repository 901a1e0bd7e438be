/** What stages cost: times, memory and links of a stage problem, summed up so that any range is one subtraction. */
import type { Placement, StageLink, StageProblem, StageWish } from './stage-problem.ts';
import { wireMs } from './stage-problem.ts';

export interface PlacedRange {
  /** Index of the device. */
  readonly device: number;
  readonly from: number;
  readonly to: number;
}

/** Times of handing something on: `allMs` in one request, `wireMs` of which keep the link busy. */
export interface SendCost {
  readonly allMs: number;
  readonly wireMs: number;
}

export interface StageCosts {
  readonly segments: number;
  readonly devices: number;
  readonly source: number;
  canRun(device: number, from: number, to: number): boolean;
  /** Both the first segments, up to `first`, and those from `from` on. */
  canRunBoth(device: number, first: number, from: number): boolean;
  compute(device: number, from: number, to: number): number;
  /** Undefined without a link, or where what crosses there may not leave. */
  send(from: number, to: number, boundary: number): SendCost | undefined;
  /** Cost so far, handing on, and the next stage. */
  join(cost: number, sent: SendCost, computeMs?: number): number;
  joinReturn(cost: number, sent: SendCost, at: { readonly first: number; readonly from: number }): number;
  describe(ranges: readonly PlacedRange[]): Placement;
}

export function createStageCosts(problem: StageProblem, objective: StageWish['objective']): StageCosts {
  const { devices, crossing, weightBytes } = problem;
  const indexOf = (name: string) => devices.findIndex((device) => device.name === name);
  const source = indexOf(problem.source);
  const segments = weightBytes.length;
  const times = devices.map(({ segmentMs }) => sums(segmentMs));
  const barred = devices.map(({ barred: list = [] }) =>
    sums(weightBytes.map((_, segment) => (list.includes(segment) ? 1 : 0))),
  );
  const bytes = sums(weightBytes);
  const links = new Map<string, StageLink>(
    problem.links.map((link) => [`${indexOf(link.from)}/${indexOf(link.to)}`, link]),
  );
  const range = (list: readonly number[] = [], from: number, to: number) =>
    (list[to] ?? 0) - (list[from] ?? 0);
  const compute = (device: number, from: number, to: number) => range(times[device], from, to);
  const fits = (device: number, held: number) =>
    held <= (devices[device]?.memoryBytes ?? Number.POSITIVE_INFINITY);
  const isAllowed = (device: number, from: number, to: number) => range(barred[device], from, to) === 0;
  const add = objective === 'latency' ? (...ms: number[]) => ms.reduce((a, b) => a + b, 0) : Math.max;
  const sentMs = (sent: SendCost) => (objective === 'latency' ? sent.allMs : sent.wireMs);

  function send(from: number, to: number, boundary: number): SendCost | undefined {
    const [link, what] = [links.get(`${from}/${to}`), crossing[boundary]];
    if (!link || !what || what.mayLeave === false) return undefined;
    const busyMs = wireMs(what, link);
    return { wireMs: busyMs, allMs: busyMs + link.delayMs + what.codecMs };
  }

  return {
    segments,
    devices: devices.length,
    source,
    compute,
    send,
    canRun: (device, from, to) => isAllowed(device, from, to) && fits(device, range(bytes, from, to)),
    canRunBoth: (device, first, from) =>
      isAllowed(device, 0, first) &&
      isAllowed(device, from, segments) &&
      fits(device, range(bytes, 0, first) + range(bytes, from, segments)),
    join: (cost, sent, computeMs = 0) => add(cost, sentMs(sent), computeMs),
    // One device does both ends, so a full pipeline waits for their sum.
    joinReturn: (cost, sent, { first, from }) => {
      const lastMs = compute(source, from, segments);
      return add(cost, sentMs(sent), objective === 'latency' ? lastMs : lastMs + compute(source, 0, first));
    },
    describe: (ranges) => {
      const stages = ranges.map(({ device, from, to }, i) => {
        const next = ranges[i + 1]?.device ?? source;
        const sent = next === device ? undefined : send(device, next, to);
        return { device, from, to, computeMs: compute(device, from, to), sent };
      });
      const perDevice = devices.map((_, device) =>
        stages.filter((stage) => stage.device === device).reduce((sum, { computeMs }) => sum + computeMs, 0),
      );
      return {
        stages: stages.map(({ device, from, to, computeMs, sent }) => {
          const { name = '' } = devices[device] ?? {};
          return { device: name, from, to, computeMs, sendMs: sent?.allMs ?? 0 };
        }),
        latencyMs: stages.reduce((sum, { computeMs, sent }) => sum + computeMs + (sent?.allMs ?? 0), 0),
        bottleneckMs: Math.max(...perDevice, ...stages.map(({ sent }) => sent?.wireMs ?? 0)),
      };
    },
  };
}

function sums(numbers: readonly number[]): readonly number[] {
  const all = [0];
  for (const number of numbers) all.push((all.at(-1) ?? 0) + number);
  return all;
}
