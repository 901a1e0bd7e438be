/** From the files that `cutpoint plan` is given to a plan. */
import { surveyCuts } from '../cut/survey.ts';
import { SplitError } from '../errors.ts';
import { weightBytes } from '../parallel/wanted-weights.ts';
import type { Calibration } from '../planner/calibration.ts';
import { msPerByte } from '../planner/envelope.ts';
import { makePlan, type PlanRequest } from '../planner/plan.ts';
import type { Plan, PlanMemory } from '../planner/plan-file.ts';
import type { PlannedArm } from '../planner/planned-arm.ts';
import { placementRules, resolvePolicy } from '../planner/policy.ts';
import { type Profile, readProfile } from '../planner/profile.ts';
import { armsFromProfiles } from '../planner/profile-arms.ts';
import { sharedCuts, transfersOf } from '../planner/profile-transfers.ts';
import { armsOfWays, type GatewayLink } from '../planner/way-arms.ts';
import { mostLiveBytes } from '../profiler/live-bytes.ts';
import { shortlist } from '../profiler/shortlist.ts';
import type { SplitModel } from '../session/open-model.ts';
import { calibrationFrom } from './calibrate-source.ts';
import type { Inspection } from './inspection.ts';
import { withModel } from './model-flags.ts';
import { modelWays, type WayRules } from './model-ways.ts';
import type { PlanFlags } from './plan.ts';
import { type PlannedRow, planMachines } from './plan-machines.ts';
import { planPlacement } from './plan-placement.ts';
import { roomRule } from './plan-room.ts';
import { readJson, readYaml } from './read-document.ts';
import type { World } from './verb.ts';

/** Links that plans are made for, in bits per second. */
const [SLOWEST, FASTEST] = [1e4, 1e10];

export interface PlanParts {
  readonly request: PlanRequest;
  /** What crosses at each depth of the model, for the page. */
  readonly inspection: Pick<Inspection, 'ops' | 'cuts'>;
}

/** @throws SplitError `options-invalid`, `model-mismatch`, `model-invalid`, `cut-invalid` */
export async function readPlanParts(path: string, flags: PlanFlags, world: World): Promise<PlanParts> {
  const edge = readProfile(await readJson(flags.edge));
  const policy = await readPolicy(flags);
  const row = await rowOf(path, { flags, edge, policy });
  const cloud = row?.gateways[0] ?? (await cloudProfile(flags));
  const calibration =
    flags.calibrate === undefined
      ? undefined
      : await calibrationFrom(flags.calibrate, {
          path,
          edge,
          cloud,
          ways: wayRules(policy, flags, row),
          world,
        });
  const losses = new Map(calibration?.ways?.map((way) => [way.id, way]));
  const transfers = transfersOf({ edge, cloud, calibration });
  const { peakMemoryBytes } = edge;
  const peak = peakMemoryBytes === null ? {} : { wholeMemoryBytes: peakMemoryBytes };
  const [roundTripMs, downlinkBitsPerSecond] = row
    ? [row.access.roundTripMs, row.access.downlinkBitsPerSecond]
    : [flags.rtt, flags.downlink];
  const link = { roundTripMs, downlinkBitsPerSecond, queueMs: 0 };
  // At the shapes of another model this one may not even open.
  const onDigest = (digest: string) => checkDigest(digest, edge);
  return withModel(path, { shape: edge.inputShapes, onDigest }, async ({ model }) => {
    const wish = resolvePolicy(policy, (name) => depthOfNode(model.graph, name), flags.dataClass);
    const placement = await planPlacement(policy, { ...flags, placed: row?.place }, model);
    const { region } = placement;
    const lacksRoom = roomRule(model, row?.roomBytes ?? []);
    const placementOf = (arm: PlannedArm) => [...placement.placementOf(arm), ...lacksRoom(arm)];
    const wayArms = (gateways: readonly Profile[], links: readonly GatewayLink[]) => {
      const timed = gateways.reduce<Profile['cuts']>(
        (cuts, one) => cuts.filter(({ id }) => one.cuts.some((cut) => cut.id === id)),
        edge.cuts,
      );
      const rules = { outputs: wish.constraints.outputs, stages: gateways.length };
      const ways = modelWays(model, new Set(timed.map(({ id }) => id)), rules);
      const own = ways.filter(({ via }) => via.length === gateways.length - 1);
      return armsOfWays({ edge, gateways, links, ways: own, transfers, losses });
    };
    const several = [
      ...wayArms([cloud], []),
      ...(row && row.links.length > 0 ? wayArms(row.gateways, row.links) : []),
    ];
    const arms = [...armsFromProfiles({ edge, cloud, transfers, ...peak }), ...several];
    const own = { edge, cloud, arms, link, wish, calibration, region, placementOf };
    const request = { ...own, memory: memoryOf(model), route: row?.route };
    const assumptions = [...untimed(model, request), ...calibrated(calibration, several), ...placedBy(row)];
    const ops = model.graph.nodes.map(({ opType }) => opType);
    return {
      request: { ...request, assumptions },
      inspection: { ops, cuts: surveyCuts(model.cuts, model.graph) },
    };
  });
}

function memoryOf({ graph, sizedTypes }: SplitModel): PlanMemory {
  return { weightBytes: weightBytes(graph), activationBytes: mostLiveBytes(graph, sizedTypes) ?? null };
}

/** Which ends stay does not depend on where a node lies, which only the model tells. */
function wayRules(policy: unknown, { dataClass }: PlanFlags, row: PlannedRow | undefined): WayRules {
  const { outputs } = resolvePolicy(policy, () => 0, dataClass).constraints;
  return { outputs, stages: row?.gateways.length };
}

/** Gateways in a row, where machines are given to place stages on. */
async function rowOf(
  path: string,
  { flags, edge, policy }: { readonly flags: PlanFlags; readonly edge: Profile; readonly policy: unknown },
): Promise<PlannedRow | undefined> {
  const { machines, dataClass } = flags;
  if (machines === undefined) return undefined;
  // At the shapes of another model this one may not even open.
  const onDigest = (digest: string) => checkDigest(digest, edge);
  return withModel(path, { shape: edge.inputShapes, onDigest }, async ({ model }) => {
    const wish = resolvePolicy(policy, (name) => depthOfNode(model.graph, name), dataClass);
    return planMachines(machines, { edge, model, rules: placementRules(policy, dataClass), wish });
  });
}

async function cloudProfile({ cloud }: PlanFlags): Promise<Profile> {
  if (cloud !== undefined) return readProfile(await readJson(cloud));
  throw new SplitError(
    'options-invalid',
    'plan needs --cloud, the profile behind the gateway, or --machines',
  );
}

function placedBy(row: PlannedRow | undefined): readonly string[] {
  if (!row) return [];
  const { route, notes } = row;
  const best = route.placements.map(
    ({ gateways, scoreMs }) => `${gateways.join(', then ')} ${Number(scoreMs.toPrecision(3))} ms`,
  );
  return [
    `Placed at the links' stated rates: ${best.join('; ')}. What comes back is handed back by each.`,
    ...notes,
    ...route.removed.map(({ gateway, what }) => `Left out by the policy: ${gateway}, as ${what}.`),
  ];
}

export function buildPlan({ request }: PlanParts): Plan {
  return makePlan({ ...request, fromBitsPerSecond: SLOWEST, toBitsPerSecond: FASTEST });
}

async function readPolicy({ policy, objective, outputs }: PlanFlags): Promise<unknown> {
  const content = policy === undefined ? {} : ((await readYaml(policy)) ?? {});
  const own = { ...(objective && { objective }), ...(outputs && { outputs }) };
  return typeof content === 'object' ? { ...content, ...own } : content;
}

/** Heads are the first nodes in the graph's order, so a node is in all that are at least so deep. */
function depthOfNode({ nodes, producers }: SplitModel['graph'], name: string): number | undefined {
  const named = nodes.findIndex((node) => node.name === name);
  const position = named < 0 ? producers.get(name) : named;
  return position === undefined ? undefined : (position + 1) / nodes.length;
}

function checkDigest(digest: string, { modelDigest }: Profile): void {
  if (digest === modelDigest) return;
  const [given, timed] = [digest, modelDigest].map((digits) => digits.slice(0, 12));
  throw new SplitError('model-mismatch', `the file is model ${given}, the profiles are of ${timed}`);
}

/** The exact search works on times of nodes, which do not add up: what it finds and nobody timed is said, not planned. */
function untimed(model: SplitModel, { edge, cloud, link }: PlanRequest): readonly string[] {
  const { graph, cuts, sizedTypes: types } = model;
  const range = { fromX: msPerByte(FASTEST), toX: msPerByte(SLOWEST) };
  const found = shortlist({ graph, cuts, types, edge, cloud, link, range });
  const timed = new Set(sharedCuts(edge, cloud).map(({ id }) => id));
  const offered = new Set(
    surveyCuts(cuts, graph).flatMap(({ cut, isOffered }) => (isOffered ? [cut.id] : [])),
  );
  const missing = found.filter(({ id }) => !timed.has(id) && offered.has(id));
  if (missing.length === 0) return [];
  const names = missing.slice(0, 3).map(({ name }) => name.slice(0, 200));
  const more = missing.length > 3 ? ', ...' : '';
  return [
    `By the times of nodes, ${missing.length} cuts that were not timed may be as good (${names.join(', ')}${more}): profile with a larger --max-cuts.`,
  ];
}

function calibrated(calibration: Calibration | undefined, several: readonly PlannedArm[]): readonly string[] {
  if (!calibration)
    return ['Nobody measured what the codec profiles do to the outputs: calibrate before you rely on them.'];
  const { inputs, metric } = calibration;
  const unknown = several.filter(({ isRefused, accuracyLoss }) => !isRefused && accuracyLoss === null).length;
  return [
    `Losses are measured on ${inputs} inputs by ${metric}.`,
    ...(unknown > 0 ? [`Of ${unknown} arms of more than one cut nobody measured the loss.`] : []),
  ];
}
