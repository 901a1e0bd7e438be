/**
 * A plan: every arm of a model between one device and one cloud, on which links each is best, and why. A file that can
 * be compared and signed: keys in a fixed order, no date, a hash over all of it.
 */
import type { Calibration } from './calibration.ts';
import { canonicalJson, contentHash } from './canonical-json.ts';
import { brokenConstraints, type Situation, type Wish } from './constraints.ts';
import { msPerByte } from './envelope.ts';
import { modeDoubts } from './machine-mode.ts';
import { bestPieces } from './objective-windows.ts';
import type { Plan, PlanEntry, PlanMachine, PlanMemory, PlanRoute } from './plan-file.ts';
import { planMap } from './plan-map.ts';
import { bestRanges, planWindows, rivalsOf, windowText } from './plan-windows.ts';
import { armLine, type PlanLink, type PlannedArm } from './planned-arm.ts';
import { checkSameModel, type Profile } from './profile.ts';

export interface PlanRequest {
  readonly edge: Profile;
  readonly cloud: Profile;
  /** All that compete; `device` among them, so that the plan never loses to it. */
  readonly arms: readonly PlannedArm[];
  readonly link: PlanLink;
  readonly wish: Wish;
  /** What errors and tables of the arms are from. */
  readonly calibration?: Calibration | undefined;
  /** Where the cloud is, for constraints on regions. */
  readonly region?: string | undefined;
  /** Uplinks to plan for, in bits per second. @default 10 kbit/s to 10 Gbit/s */
  readonly fromBitsPerSecond?: number;
  readonly toBitsPerSecond?: number;
  /** Why a policy's placement rules an arm out, by its reasons; none for one that it does not. @default none */
  readonly placementOf?: ((arm: PlannedArm) => readonly string[]) | undefined;
  /** @default the plan does not say */
  readonly memory?: PlanMemory | undefined;
  /** Where stages were placed on machines. @default one gateway */
  readonly route?: PlanRoute | undefined;
  /** What else the reader has to believe, one sentence each. */
  readonly assumptions?: readonly string[];
}

/** @throws SplitError `model-mismatch` for profiles of two models */
export function makePlan(request: PlanRequest): Plan {
  const { edge, cloud, arms, link, wish, calibration, memory, route } = request;
  const { fromBitsPerSecond = 1e4, toBitsPerSecond = 1e10 } = request;
  checkSameModel(edge, cloud);
  const range = { fromX: msPerByte(toBitsPerSecond), toX: msPerByte(fromBitsPerSecond) };
  const excluded = arms.map((arm) => staticallyBroken(arm, request));
  const isAllowed = (place: number) => excluded[place]?.length === 0;
  const pieces = bestPieces({ arms, link, wish, isAllowed }, range);
  const entries = arms.map((arm, place) => {
    const ranges = bestRanges(pieces, place, range);
    return entryOf(arm, request, { ranges, excludedBy: excluded[place] ?? [] });
  });
  const content: Omit<Plan, 'hash'> = {
    format: 'cutpoint-plan',
    version: 1,
    modelDigest: edge.modelDigest,
    edge: machineOf(edge),
    cloud: machineOf(cloud),
    link: { ...link },
    ...(memory && { memory: { ...memory } }),
    ...(route && { route }),
    objective: wish.objective,
    wish,
    fromBitsPerSecond,
    toBitsPerSecond,
    arms: entries,
    windows: planWindows(pieces, arms, range),
    map: planMap(arms, link, { range, isAllowed }).map((level) => ({ ...level, pieces: [...level.pieces] })),
    calibration: calibration ? originOf(calibration) : null,
    tables: tablesOf(arms, calibration),
    assumptions: [...standingAssumptions(request), ...(request.assumptions ?? [])],
  };
  return { ...content, hash: contentHash(content) };
}

/** The file's text. The same plan is the same text. */
export function planText(plan: Plan): string {
  return `${canonicalJson(plan)}\n`;
}

/** The best that a link can be: an arm that misses the deadline there misses it everywhere. */
export function fastestLink(link: PlanLink, region?: string): Situation {
  const uplinkBitsPerSecond = Number.POSITIVE_INFINITY;
  return { uplinkBitsPerSecond, deviceSlowdown: 1, cloudSlowdown: 1, ...link, region };
}

/** All constraints but the deadline, which depends on the link. */
function staticallyBroken(
  arm: PlannedArm,
  { wish, link, region, placementOf }: PlanRequest,
): readonly string[] {
  const limits = { ...wish.constraints, deadlineMs: undefined };
  const placed = placementOf?.(arm) ?? [];
  const broken = [...brokenConstraints(arm, limits, fastestLink(link, region)), ...placed];
  return arm.isRefused ? [...broken, 'calibration'] : broken;
}

function entryOf(
  arm: PlannedArm,
  { arms, link }: PlanRequest,
  { ranges, excludedBy }: Pick<PlanEntry, 'excludedBy'> & { ranges: ReturnType<typeof bestRanges> },
): PlanEntry {
  const rivals = rivalsOf(arms, link, arm);
  return {
    ...arm,
    error: arm.error ?? null,
    tables: arm.tables ?? {},
    isRefused: arm.isRefused ?? false,
    line: armLine(arm, link),
    best: ranges[0] ?? null,
    ...rivals,
    excludedBy: [...excludedBy],
    words: windowText(ranges, rivals),
  };
}

function machineOf({ device, provider, runtime, threads, slowdown, mode }: Profile): PlanMachine {
  return { device, provider, runtime, threads, slowdown, ...(mode && { mode }) };
}

function originOf({ inputs, metric, budget }: Calibration): NonNullable<Plan['calibration']> {
  return { inputs, metric, budget };
}

/** Those that some arm of the plan uses. */
function tablesOf(arms: readonly PlannedArm[], calibration: Calibration | undefined): Plan['tables'] {
  const used = new Set(arms.flatMap(({ tables = {} }) => Object.values(tables)));
  return Object.fromEntries(Object.entries(calibration?.tables ?? {}).filter(([id]) => used.has(id)));
}

function standingAssumptions({ edge, cloud, arms, wish }: PlanRequest): string[] {
  const guessed = arms.filter((arm) => arm.isGuess).length;
  const said = ['Stages of one request follow each other, and nothing else uses the link.'];
  if (wish.objective !== 'latency')
    said.push(`Best is by ${wish.objective}; what an arm beats, and the map, by latency.`);
  if (guessed > 0)
    said.push(`${guessed} of ${arms.length} arms rest on guessed times, not on measured ones.`);
  if (arms.some(({ keepsOutputs, cost }) => keepsOutputs || cost.row))
    said.push(
      'What a machine takes between two cuts is what it takes from the first to the end, less that from the second.',
    );
  for (const [who, { slowdown }] of Object.entries({ device: edge, cloud }))
    if (slowdown > 1)
      said.push(`The ${who} is played: its times were measured and multiplied by ${slowdown}.`);
  for (const [who, { mode }] of Object.entries({ device: edge, cloud })) {
    const doubts = mode ? modeDoubts(mode) : [];
    if (doubts.length > 0) said.push(`Of the times of the ${who}: ${doubts.join(', and ')}.`);
  }
  for (const [who, { pauseMs }] of Object.entries({ device: edge, cloud }))
    if (pauseMs > 0) said.push(`The ${who} rested ${pauseMs} ms before each run that was timed.`);
  if (edge.inputSource === 'seeded')
    said.push('What is sent was measured on made-up inputs; real ones pack otherwise.');
  const picture = cloud.transfers.find(({ profile }) => profile === 'image');
  if (arms.some(({ id }) => id === 'input/image') && typeof picture?.decodeMs !== 'number')
    said.push('What the gateway takes to decode a picture is not counted.');
  if (wish.objective === 'energy' && wish.models?.power) said.push(`Power: ${wish.models.power.source}.`);
  return said;
}
