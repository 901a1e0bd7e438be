/** `cutpoint plan --machines`: stages on named machines, as far as the policy lets them, and the row of gateways that comes of it. */
import { dirname, resolve } from 'node:path';
import type { Cut } from '../cut/cut.ts';
import { SplitError } from '../errors.ts';
import { decodeDescriptorFile, readDescriptor } from '../placement/descriptor.ts';
import type { Wish } from '../planner/constraints.ts';
import { DEVICE, type Machine, type MachineLink, readMachines } from '../planner/machines.ts';
import {
  type MachinePlacement,
  type MachineProblem,
  placeOnMachines,
  scoreOf,
  whyNowhere,
} from '../planner/place-machines.ts';
import { type Breach, breachesOfCut, breachesOfPlace, type Place } from '../planner/placement.ts';
import type { PlacementRules } from '../planner/placement-policy.ts';
import type { PlanRoute } from '../planner/plan-file.ts';
import { checkSameModel, type Profile, readProfile } from '../planner/profile.ts';
import type { GatewayLink } from '../planner/way-arms.ts';
import type { SplitModel } from '../session/open-model.ts';
import { machineOnRanks, type RankableMachine, ranksNeeded } from './plan-ranks.ts';
import { readJson, readText, readYaml } from './read-document.ts';
import { stageWeightBytes } from './stage-weights.ts';

export interface PlannedRow {
  /** In the order in which a request passes them. */
  readonly gateways: readonly [Profile, ...(readonly Profile[])];
  /** From the device to the first one. */
  readonly access: GatewayLink;
  /** Between each two of them. */
  readonly links: readonly GatewayLink[];
  /** For weights, of each of them; undefined where nobody said. */
  readonly roomBytes: readonly (number | undefined)[];
  /** Of the first one. */
  readonly place: Place;
  readonly route: PlanRoute;
  /** What else the reader of a plan is to know. */
  readonly notes: readonly string[];
}

export interface MachineWish {
  readonly edge: Profile;
  readonly model: SplitModel;
  readonly rules: PlacementRules;
  readonly wish: Wish;
}

/** @throws SplitError `options-invalid`, `model-mismatch`; `placement-denied` where the policy leaves no machine */
export async function planMachines(
  path: string,
  { edge, model, rules, wish }: MachineWish,
): Promise<PlannedRow> {
  const { machines, links } = readMachines(await readYaml(path));
  const beside = (file: string) => resolve(dirname(path), file);
  const placed = await Promise.all(machines.map((machine) => judged(machine, rules, beside)));
  for (const { profile } of placed) checkSameModel(edge, profile);
  const cuts = sharedCuts(model, [edge, ...placed.map(({ profile }) => profile)]);
  const byId = new Map(cuts.map((cut) => [cut.id, cut]));
  const { minDepth = 0, outputs } = wish.constraints;
  const problem: MachineProblem = {
    ...{ edge, links, cuts: cuts.map(({ id }) => id), weightBytes: stageWeightBytes(model, cuts) },
    machines: placed,
    objective: wish.objective === 'throughput' ? 'throughput' : 'latency',
    outputsStay: outputs === 'stay',
    mayLeave(cutId) {
      const cut = cutId === null ? model.cuts[0] : byId.get(cutId);
      return (
        cut !== undefined && cut.depth >= minDepth && breachesOfCut(rules, cut, model.graph).length === 0
      );
    },
  };
  const chosen = bestChoice(problem, { placed, model, cuts });
  const { placements, notes } = chosen;
  const best = placements.at(-1);
  const removed = placed.flatMap(({ name, breaches }) =>
    breaches.length > 0 ? [removalOf(name, breaches)] : [],
  );
  if (!best) {
    const limits = whyNowhere(problem);
    const needed = limits.includes('memory')
      ? placed.flatMap((machine) => ranksNeeded(machine, { model, cuts }) ?? [])
      : [];
    throw nowhere(limits, removed, needed);
  }
  const gateways = best.route.map(
    (name) => chosen.placed.find((one) => one.name === name) as (typeof placed)[number],
  );
  const [first, ...rest] = gateways as [(typeof placed)[number], ...typeof placed];
  const [access, ...between] = [DEVICE, ...best.route].flatMap((from, i, all) =>
    linkTo(links, from, all[i + 1]),
  );
  return {
    gateways: [first.profile, ...rest.map(({ profile }) => profile)],
    access: access as GatewayLink,
    links: between,
    roomBytes: gateways.map(({ memoryBytes }) => memoryBytes),
    place: first.place,
    notes,
    route: {
      stages: best.route.map((name) => [name]),
      removed,
      placements: placements.map((one) => evidenceOf(one, problem)),
    },
  };
}

type JudgedMachine = RankableMachine & { readonly place: Place; readonly breaches: readonly Breach[] };

interface Choice {
  readonly placed: readonly JudgedMachine[];
  readonly placements: readonly MachinePlacement[];
  readonly notes: readonly string[];
}

/**
 * Each on one accelerator, or one of them on ranks. As ranks are never taken for faster, they are only better where a stage
 * has more weights than one accelerator holds.
 */
function bestChoice(
  problem: MachineProblem,
  {
    placed,
    model,
    cuts,
  }: {
    readonly placed: readonly JudgedMachine[];
    readonly model: SplitModel;
    readonly cuts: readonly Cut[];
  },
): Choice {
  let best: Choice = { placed, placements: placeOnMachines(problem), notes: [] };
  for (const [index, machine] of placed.entries()) {
    const ranked = machineOnRanks(machine, { model, cuts });
    if (!ranked) continue;
    const others = placed.with(index, ranked.machine);
    const placements = placeOnMachines({ ...problem, machines: others });
    if (scoreLast(placements, problem) < scoreLast(best.placements, problem))
      best = { placed: others, placements, notes: [ranked.note] };
  }
  return best;
}

function scoreLast(placements: readonly MachinePlacement[], problem: MachineProblem): number {
  const last = placements.at(-1);
  return last ? scoreOf(last, problem) : Number.POSITIVE_INFINITY;
}

async function judged(
  { name, profile, descriptor, memoryBytes, accelerators, collectiveMs, collectiveGbps, ...stated }: Machine,
  rules: PlacementRules,
  beside: (file: string) => string,
): Promise<JudgedMachine> {
  const place = descriptor === undefined ? stated : await signedPlace(name, beside(descriptor));
  const breaches = breachesOfPlace(rules, place);
  const read = readProfile(await readJson(beside(profile)));
  const ranks = { memoryBytes, accelerators, collectiveMs, collectiveGbps };
  return { name, profile: read, ...ranks, isBarred: breaches.length > 0, place, breaches };
}

async function signedPlace(name: string, path: string): Promise<Place> {
  const { gateway, region, provider, retentionMs } = readDescriptor(
    decodeDescriptorFile(await readText(path)),
  );
  if (gateway === name) return { region, provider, retentionMs };
  throw new SplitError('options-invalid', `machines: ${path} describes ${gateway}, not ${name}`);
}

function removalOf(gateway: string, breaches: readonly Breach[]): PlanRoute['removed'][number] {
  return {
    gateway,
    reasons: [...new Set(breaches.map(({ reason }) => `placement.${reason}`))],
    what: breaches.map(({ what }) => what).join('; '),
  };
}

/** By ascending position. */
function sharedCuts({ cuts }: SplitModel, profiles: readonly Profile[]): readonly Cut[] {
  return cuts
    .filter(({ id }) => profiles.every((profile) => profile.cuts.some((cut) => cut.id === id)))
    .toSorted((a, b) => a.position - b.position);
}

function linkTo(links: readonly MachineLink[], from: string, to: string | undefined): readonly GatewayLink[] {
  const link = links.find((one) => one.from === from && one.to === to);
  if (!link) return [];
  const { uplinkMbps, downlinkMbps = uplinkMbps, roundTripMs } = link;
  return [{ uplinkBitsPerSecond: uplinkMbps * 1e6, downlinkBitsPerSecond: downlinkMbps * 1e6, roundTripMs }];
}

function evidenceOf(one: MachinePlacement, problem: MachineProblem): PlanRoute['placements'][number] {
  const ends = one.placement.stages.slice(0, -1).map(({ to }) => to);
  return {
    gateways: one.route,
    cuts: ends.map((to) => (to === 0 ? 'input' : (problem.cuts[to - 1] ?? 'outputs'))),
    profile: one.profile,
    scoreMs: scoreOf(one, problem),
  };
}

function nowhere(
  limits: readonly string[],
  removed: PlanRoute['removed'],
  needed: readonly string[],
): SplitError {
  const lift =
    limits.length > 0
      ? `${limits.join(' or ')} would have to be lifted`
      : 'several limits would have to be lifted';
  const why = [...removed.map(({ gateway, what }) => `${gateway}: ${what}`), ...needed].join('; ');
  const code = limits.includes('policy') || removed.length > 0 ? 'placement-denied' : 'options-invalid';
  return new SplitError(code, `no stage can be placed on these machines: ${lift}${why && ` (${why})`}`);
}
