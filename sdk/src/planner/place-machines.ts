/** Stages of a profiled model on named machines: the placement problem that profiles, links and a policy make, and its best answers. */
import { DEVICE, type Machine, type MachineLink } from './machines.ts';
import { placeStages } from './place-stages.ts';
import type { Profile } from './profile.ts';
import type { Placement, StageDevice, StageLink, StageProblem, StageWish } from './stage-problem.ts';
import { type PlacementLimit, whyNoPlacement } from './why-no-placement.ts';

export interface ProfiledMachine extends Pick<Machine, 'name' | 'memoryBytes'> {
  readonly profile: Profile;
  /** By a policy: nothing may run there. */
  readonly isBarred: boolean;
}

export interface MachineProblem {
  readonly edge: Profile;
  readonly machines: readonly ProfiledMachine[];
  readonly links: readonly MachineLink[];
  /** Ids of the cuts that all of them timed, in the model's order. */
  readonly cuts: readonly string[];
  /** Of weights, between each two of these cuts, before the first and behind the last. */
  readonly weightBytes: readonly number[];
  readonly objective: StageWish['objective'];
  /** Whether the last layers run on the device again. */
  readonly outputsStay: boolean;
  /** Whether what crosses may leave the machine that made it; `null` is the input. */
  mayLeave(cutId: string | null): boolean;
}

export interface MachinePlacement {
  /** Gateways in the order in which a request passes them. */
  readonly route: readonly string[];
  /** How what crosses travels. */
  readonly profile: string;
  readonly placement: Placement;
}

/** Most gateways in a row that a plan looks at. */
const MOST_GATEWAYS = 3;

/** The best with one gateway in a row, with up to two, and so on, each only where it is better than the one before. */
export function placeOnMachines(problem: MachineProblem): readonly MachinePlacement[] {
  const found: MachinePlacement[] = [];
  for (let gateways = 1; gateways <= MOST_GATEWAYS; gateways++) {
    const best = bestWith(problem, gateways);
    const before = found.at(-1);
    if (best && (!before || scoreOf(best, problem) < scoreOf(before, problem))) found.push(best);
  }
  return found;
}

/** Why there is none: limits each of which is enough to lift. */
export function whyNowhere(problem: MachineProblem): readonly PlacementLimit[] {
  const wish = wishOf(problem, MOST_GATEWAYS);
  return [
    ...new Set(
      codecProfiles(problem).flatMap((profile) => whyNoPlacement(problemOf(problem, profile), wish)),
    ),
  ];
}

function bestWith(problem: MachineProblem, gateways: number): MachinePlacement | undefined {
  const all = codecProfiles(problem).flatMap((profile) => {
    const placement = placeStages(problemOf(problem, profile), wishOf(problem, gateways));
    if (!placement) return [];
    const names = placement.stages.map(({ device }) => device).filter((name) => name !== DEVICE);
    return [{ route: names, profile, placement }];
  });
  return all.toSorted((a, b) => scoreOf(a, problem) - scoreOf(b, problem))[0];
}

export function scoreOf(
  { placement }: MachinePlacement,
  { objective }: Pick<MachineProblem, 'objective'>,
): number {
  return objective === 'latency' ? placement.latencyMs : placement.bottleneckMs;
}

function wishOf({ objective, outputsStay }: MachineProblem, gateways: number): StageWish {
  return { objective, maxStages: gateways + (outputsStay ? 2 : 1), mayReturn: outputsStay, mustSend: true };
}

function codecProfiles({ edge: { transfers } }: MachineProblem): readonly string[] {
  return [...new Set(transfers.map(({ profile }) => profile))].filter((name) => name !== 'image');
}

function problemOf(problem: MachineProblem, profile: string): StageProblem {
  const { edge, machines, cuts, weightBytes, outputsStay } = problem;
  const crossingAt = (cutId: string | null) => {
    const [here, ...there] = [edge, ...machines.map((machine) => machine.profile)].map(({ transfers }) =>
      transfers.find((one) => one.cutId === cutId && one.profile === profile),
    );
    const isTimed = here !== undefined && there.every((one) => one !== undefined);
    // Who packs and who unpacks is not known yet: the slowest of all that unpack.
    const decodeMs = Math.max(0, ...there.map((one) => one?.decodeMs ?? 0));
    const [bytes, codecMs] = here ? [here.sentBytes, here.encodeMs + decodeMs] : [0, 0];
    return { bytes, codecMs, mayLeave: isTimed && problem.mayLeave(cutId) };
  };
  const reply = { bytes: edge.reply.bytes, codecMs: edge.reply.encodeMs + edge.reply.decodeMs };
  const device: StageDevice = { name: DEVICE, segmentMs: segmentMs(edge, cuts), memoryBytes: null };
  return {
    weightBytes,
    crossing: [null, ...cuts].map(crossingAt).concat({ ...reply, mayLeave: !outputsStay }),
    devices: [
      device,
      ...machines.map(({ name, profile: own, memoryBytes = null, isBarred }) => ({
        ...{ name, segmentMs: segmentMs(own, cuts), memoryBytes },
        barred: isBarred ? weightBytes.map((_, segment) => segment) : [],
      })),
    ],
    links: [...onward(problem.links), ...backward(problem)],
    source: DEVICE,
  };
}

/** Times of the parts between cuts: from each to the end, less from the next to the end. */
function segmentMs({ whole, cuts: timed }: Profile, cuts: readonly string[]): readonly number[] {
  const rests = [
    whole.medianMs,
    ...cuts.map((id) => timed.find((cut) => cut.id === id)?.tail.medianMs ?? Number.POSITIVE_INFINITY),
    0,
  ];
  return rests.slice(1).map((rest, i) => Math.max(0, (rests[i] ?? 0) - rest));
}

const BITS = 1e6;

function onward(links: readonly MachineLink[]): readonly StageLink[] {
  return links.map(({ from, to, uplinkMbps, roundTripMs }) => ({
    ...{ from, to, bitsPerSecond: uplinkMbps * BITS, delayMs: roundTripMs / 2 },
  }));
}

/** What the last one makes comes back by all that handed it on: link after link, by the quickest way. */
function backward({ machines, links, edge }: MachineProblem): readonly StageLink[] {
  const back = new Map<string, { readonly msPerByte: number; readonly delayMs: number }>();
  back.set(DEVICE, { msPerByte: 0, delayMs: 0 });
  const cost = (way: { readonly msPerByte: number; readonly delayMs: number } | undefined) =>
    way ? way.msPerByte * edge.reply.bytes + way.delayMs : Number.POSITIVE_INFINITY;
  for (let round = 0; round < machines.length; round++)
    for (const { from, to, uplinkMbps, downlinkMbps = uplinkMbps, roundTripMs } of links) {
      const next = back.get(from);
      if (!next) continue;
      const msPerByte = next.msPerByte + 8000 / (downlinkMbps * BITS);
      const way = { msPerByte, delayMs: next.delayMs + roundTripMs / 2 };
      if (cost(way) < cost(back.get(to))) back.set(to, way);
    }
  return machines.flatMap(({ name }) => {
    const way = back.get(name);
    return way ? [{ from: name, to: DEVICE, bitsPerSecond: 8000 / way.msPerByte, delayMs: way.delayMs }] : [];
  });
}
