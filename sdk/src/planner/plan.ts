/**
 * A plan: every arm of a model between one device and one cloud, on which links each is best, and why. A file that can
 * be compared and signed: keys in a fixed order, no date, a hash over all of it.
 */

import { canonicalJson, contentHash } from './canonical-json.ts';
import { brokenConstraints, type Wish } from './constraints.ts';
import { type Line, lowerEnvelope, msPerByte, type XRange } from './envelope.ts';
import type { Plan, PlanEntry } from './plan-file.ts';
import { planMap } from './plan-map.ts';
import { armLine, type PlanLink, type PlannedArm } from './planned-arm.ts';
import type { Profile } from './profile.ts';
import { checkSameModel } from './profile.ts';
import { beatsOn, pieceRates, type RateRange, ratesText } from './win-window.ts';

export interface PlanRequest {
  readonly edge: Profile;
  readonly cloud: Profile;
  /** All that compete; `device` among them, so that the plan never loses to it. */
  readonly arms: readonly PlannedArm[];
  readonly link: PlanLink;
  readonly wish: Wish;
  /** Where the cloud is, for constraints on regions. */
  readonly region?: string;
  /** Uplinks to plan for, in bits per second. @default 10 kbit/s to 10 Gbit/s */
  readonly fromBitsPerSecond?: number;
  readonly toBitsPerSecond?: number;
  /** What else the reader has to believe, one sentence each. */
  readonly assumptions?: readonly string[];
}

/** @throws SplitError `model-mismatch` for profiles of two models */
export function makePlan(request: PlanRequest): Plan {
  const { edge, cloud, arms, link, wish, fromBitsPerSecond = 1e4, toBitsPerSecond = 1e10 } = request;
  checkSameModel(edge, cloud);
  const range = { fromX: msPerByte(toBitsPerSecond), toX: msPerByte(fromBitsPerSecond) };
  const excluded = arms.map((arm) => staticallyBroken(arm, request));
  const isAllowed = (place: number) => excluded[place]?.length === 0;
  const windows = bestRanges(arms, link, { range, isAllowed });
  const entries = arms.map((arm, place): PlanEntry => {
    const line = armLine(arm, link);
    const best = windows.get(place) ?? null;
    const rivals = rivalsOf(arms, link, arm);
    const words = windowText(best, rivals);
    return { ...arm, line, best, ...rivals, excludedBy: [...(excluded[place] ?? [])], words };
  });
  const content = {
    format: 'cutpoint-plan' as const,
    version: 1 as const,
    modelDigest: edge.modelDigest,
    edge: machineOf(edge),
    cloud: machineOf(cloud),
    link: { ...link },
    objective: wish.objective,
    fromBitsPerSecond,
    toBitsPerSecond,
    arms: entries,
    map: planMap(arms, link, { range, isAllowed }).map((level) => ({ ...level, pieces: [...level.pieces] })),
    assumptions: [...standingAssumptions(wish, arms), ...(request.assumptions ?? [])],
  };
  return { ...content, hash: contentHash(content) };
}

/** The file's text. The same plan is the same text. */
export function planText(plan: Plan): string {
  return `${canonicalJson(plan)}\n`;
}

/** All constraints but the deadline, which depends on the link and is left to whoever chooses. */
function staticallyBroken(arm: PlannedArm, { wish, link, region }: PlanRequest) {
  const idle = {
    uplinkBitsPerSecond: Number.POSITIVE_INFINITY,
    deviceSlowdown: 1,
    cloudSlowdown: 1,
    ...link,
    ...(region !== undefined && { region }),
  };
  return brokenConstraints(arm, { ...wish.constraints, deadlineMs: undefined }, idle);
}

function bestRanges(
  arms: readonly PlannedArm[],
  link: PlanLink,
  { range, isAllowed }: { readonly range: XRange; isAllowed(place: number): boolean },
): ReadonlyMap<number, RateRange> {
  const places = [...arms.keys()].filter(isAllowed);
  const lines = places.flatMap((place) => arms[place] ?? []).map((arm) => armLine(arm, link));
  const pieces = lowerEnvelope(lines, range);
  return new Map(pieces.map((piece) => [places[piece.index] ?? 0, pieceRates(piece, range)]));
}

/** Where an arm beats the device alone, and where it beats every way of sending the input. */
function rivalsOf(arms: readonly PlannedArm[], link: PlanLink, arm: PlannedArm) {
  const own = armLine(arm, link);
  const against = (kind: PlannedArm['kind']): Line[] =>
    arms.filter((rival) => rival.kind === kind && rival.id !== arm.id).map((rival) => armLine(rival, link));
  const [device] = against('device');
  return {
    beatsDevice: (device && beatsOn(own, device)) ?? null,
    beatsCloud: arm.kind === 'cloud' ? null : beatsAll(own, against('cloud')),
  };
}

/** The links on which a line is below all the others: these ranges have no holes, so neither has what they share. */
function beatsAll(own: Line, rivals: readonly Line[]): RateRange | null {
  let from = 0;
  let to = Number.POSITIVE_INFINITY;
  for (const rival of rivals) {
    const range = beatsOn(own, rival);
    if (!range) return null;
    from = Math.max(from, range.fromBitsPerSecond ?? 0);
    to = Math.min(to, range.toBitsPerSecond ?? Number.POSITIVE_INFINITY);
  }
  if (rivals.length === 0 || from >= to) return null;
  return { fromBitsPerSecond: from === 0 ? null : from, toBitsPerSecond: Number.isFinite(to) ? to : null };
}

function windowText(
  best: RateRange | null,
  { beatsDevice, beatsCloud }: Pick<PlanEntry, 'beatsDevice' | 'beatsCloud'>,
): string {
  const parts = [best ? `best ${ratesText(best)}` : 'never best'];
  if (beatsDevice) parts.push(`beats the device alone ${ratesText(beatsDevice)}`);
  if (beatsCloud) parts.push(`beats the cloud alone ${ratesText(beatsCloud)}`);
  return parts.join('; ');
}

function machineOf({ device, provider, runtime, threads }: Profile) {
  return { device, provider, runtime, threads };
}

function standingAssumptions({ objective, models }: Wish, arms: readonly PlannedArm[]): string[] {
  const guessed = arms.filter((arm) => arm.isGuess).length;
  return [
    'Windows are of predicted latency: stages of one request follow each other, and nothing else uses the link.',
    ...(guessed > 0
      ? [`${guessed} of ${arms.length} arms rest on guessed times, not on measured ones.`]
      : []),
    ...(objective === 'energy' && models?.power ? [`Power: ${models.power.source}.`] : []),
  ];
}
