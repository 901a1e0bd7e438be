/**
 * The map: the best arm for every link at several loads of the cloud. Each level is an exact lower envelope. Between two
 * levels the better of their two arms is taken: what it costs is exact, and since the true optimum is concave in the
 * load, the distance to it is known to be at most what the look-up says.
 */
import { type EnvelopePiece, lineAt, lowerEnvelope, pieceAt, type XRange } from './envelope.ts';
import { armLine, type PlanLink, type PlannedArm } from './planned-arm.ts';

/** How many times slower than measured the cloud is, at each level. */
export const MAP_SLOWDOWNS: readonly number[] = [1, 1.25, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32];

export interface MapLevel {
  readonly cloudSlowdown: number;
  /** By rising x; `index` is the arm's place in the plan. */
  readonly pieces: readonly EnvelopePiece[];
}

/** @param isAllowed arms left out keep their places but are never best */
export function planMap(
  arms: readonly PlannedArm[],
  link: PlanLink,
  { range, isAllowed }: { readonly range: XRange; isAllowed(place: number): boolean },
): readonly MapLevel[] {
  const places = [...arms.keys()].filter(isAllowed);
  return MAP_SLOWDOWNS.map((cloudSlowdown) => {
    const lines = places
      .flatMap((place) => arms[place] ?? [])
      .map((arm) => armLine(arm, link, cloudSlowdown));
    const pieces = lowerEnvelope(lines, range);
    return { cloudSlowdown, pieces: pieces.map((piece) => ({ ...piece, index: places[piece.index] ?? 0 })) };
  });
}

export interface MapPoint {
  readonly x: number;
  /** At least that of the first level; beyond the last level its arms are taken. */
  readonly cloudSlowdown: number;
}

export interface MapAnswer {
  /** Place of the arm in the plan. */
  readonly index: number;
  readonly totalMs: number;
  /** The best arm is at most this much faster, in milliseconds. 0 on a level; infinity beyond the last. */
  readonly slackMs: number;
}

/** O(log n). Undefined outside of the range of links, or where no arm is allowed. */
export function lookUp(
  {
    arms,
    link,
    levels,
  }: { readonly arms: readonly PlannedArm[]; readonly link: PlanLink; readonly levels: readonly MapLevel[] },
  { x, cloudSlowdown }: MapPoint,
): MapAnswer | undefined {
  const place = lastNotAbove(levels, cloudSlowdown);
  const [low, high] = [levels[place], levels[place + 1]];
  const costAt = (index: number | undefined, slowdown: number) => {
    const arm = index === undefined ? undefined : arms[index];
    return arm ? lineAt(armLine(arm, link, slowdown), x) : Number.POSITIVE_INFINITY;
  };
  const below = low && pieceAt(low.pieces, x)?.index;
  const above = high && pieceAt(high.pieces, x)?.index;
  if (low === undefined || below === undefined) return undefined;
  const [belowMs, aboveMs] = [costAt(below, cloudSlowdown), costAt(above, cloudSlowdown)];
  const [index, totalMs] = above !== undefined && aboveMs < belowMs ? [above, aboveMs] : [below, belowMs];
  if (cloudSlowdown === low.cloudSlowdown) return { index: below, totalMs: belowMs, slackMs: 0 };
  if (!high) return { index, totalMs, slackMs: Number.POSITIVE_INFINITY };
  const share = (cloudSlowdown - low.cloudSlowdown) / (high.cloudSlowdown - low.cloudSlowdown);
  const leastMs = (1 - share) * costAt(below, low.cloudSlowdown) + share * costAt(above, high.cloudSlowdown);
  return { index, totalMs, slackMs: Math.max(0, totalMs - leastMs) };
}

function lastNotAbove(levels: readonly MapLevel[], slowdown: number): number {
  let low = 0;
  let high = levels.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((levels[middle]?.cloudSlowdown ?? 0) <= slowdown) low = middle;
    else high = middle - 1;
  }
  return low;
}
