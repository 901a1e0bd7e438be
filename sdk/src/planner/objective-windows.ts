/**
 * Where each arm is best, by any objective and under a deadline. The score of an arm on a link of x milliseconds per byte
 * is the largest of one or two lines, so who is best changes only where lines meet, or where an arm misses the deadline.
 */
import type { Wish } from './constraints.ts';
import { computedTailMs, onDeviceMs, slowestTailMs } from './cost-model.ts';
import { type EnvelopePiece, type Line, lineAt, lowerEnvelope, meetingX, type XRange } from './envelope.ts';
import type { ObjectiveModels } from './objective.ts';
import { armLine, type PlanLink, type PlannedArm } from './planned-arm.ts';

/** Rounding: closer than this, relative to their size, two scores are equal. */
const EQUAL = 1e-12;
/** Watts per Mbit/s times bytes times this are millijoules: 8 bits a byte, 10^6 bits a megabit, 10^3 mJ a joule. */
const MJ_PER_WATT_PER_MBPS_BYTE = 0.008;

interface Contender {
  readonly index: number;
  /** The score is the largest of them. */
  readonly score: readonly Line[];
  /** Beyond this x the deadline is missed. */
  readonly limitX: number;
}

export interface WindowRequest {
  readonly arms: readonly PlannedArm[];
  readonly link: PlanLink;
  readonly wish: Wish;
  /** Arms left out keep their places but are never best. */
  isAllowed(place: number): boolean;
}

/** By rising x. A range in which no arm keeps the deadline is not covered. Of equal arms the one that is better next. */
export function bestPieces(request: WindowRequest, range: XRange): readonly EnvelopePiece[] {
  const contenders = contendersOf(request);
  const { objective, constraints } = request.wish;
  if (objective === 'latency' && constraints.deadlineMs === undefined)
    return plainEnvelope(contenders, range);
  const pieces: EnvelopePiece[] = [];
  for (let fromX = range.fromX; fromX < range.toX; ) {
    const best = bestAfter(contenders, fromX);
    if (!best) break;
    const toX = Math.min(range.toX, endOf(best, contenders, fromX));
    pieces.push({ index: best.index, fromX, toX });
    fromX = toX;
  }
  return pieces;
}

function contendersOf({ arms, link, wish, isAllowed }: WindowRequest): readonly Contender[] {
  return arms.flatMap((arm, index) => {
    const score = scoreLines(arm, link, wish);
    if (!isAllowed(index) || !score) return [];
    return [{ index, score, limitX: deadlineX(armLine(arm, link), wish.constraints.deadlineMs) }];
  });
}

function plainEnvelope(contenders: readonly Contender[], range: XRange): readonly EnvelopePiece[] {
  const lines = contenders.map(
    ({ score: [line] }) => line ?? { fixedMs: Number.POSITIVE_INFINITY, bytes: 0 },
  );
  return lowerEnvelope(lines, range).map((piece) => ({
    ...piece,
    index: contenders[piece.index]?.index ?? 0,
  }));
}

/**
 * Lines whose largest is what `scoreArm` gives, with `fixedMs` in the objective's unit. Undefined where the model that it
 * needs is not given.
 */
export function scoreLines(
  arm: PlannedArm,
  link: PlanLink,
  { objective, models = {} }: Pick<Wish, 'objective' | 'models'>,
): readonly Line[] | undefined {
  const { sentBytes } = arm.cost;
  switch (objective) {
    case 'latency':
      return [armLine(arm, link)];
    case 'throughput':
      return [constant(slowestFixed(arm, link)), { fixedMs: 0, bytes: sentBytes }];
    case 'energy':
      return models.power && [energyLine(arm, link, models.power)];
    case 'cost': {
      if (!models.prices) return undefined;
      const { perComputeHour, perGigabyte } = models.prices;
      const hours = computedTailMs(arm.cost) / 3_600_000;
      return [constant(1e6 * (hours * perComputeHour + (sentBytes / 1e9) * perGigabyte))];
    }
    case 'bytes':
      return [constant(sentBytes)];
  }
}

function constant(score: number): Line {
  return { fixedMs: score, bytes: 0 };
}

function slowestFixed({ cost }: PlannedArm, link: PlanLink): number {
  const { headMs, encodeMs, decodeMs, receivedBytes, lastMs = 0 } = cost;
  const replyMs = (receivedBytes * 8000) / link.downlinkBitsPerSecond;
  return Math.max(headMs + lastMs, encodeMs + decodeMs, slowestTailMs(cost), replyMs);
}

function energyLine(arm: PlannedArm, link: PlanLink, power: NonNullable<ObjectiveModels['power']>): Line {
  const { sentBytes } = arm.cost;
  const computeMs = onDeviceMs(arm.cost);
  const computeMj = power.computeWatts * computeMs;
  if (arm.kind === 'device') return constant(computeMj);
  const waitMs = armLine(arm, link).fixedMs - computeMs;
  const rateMj = power.sendWattsPerMbps * sentBytes * MJ_PER_WATT_PER_MBPS_BYTE;
  return { fixedMs: computeMj + rateMj + power.idleWatts * waitMs, bytes: power.sendWatts * sentBytes };
}

function deadlineX({ fixedMs, bytes }: Line, deadlineMs: number | undefined): number {
  if (deadlineMs === undefined) return Number.POSITIVE_INFINITY;
  if (bytes === 0) return fixedMs <= deadlineMs ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  return (deadlineMs - fixedMs) / bytes;
}

/** The best just after x: the least there, and of equals the one that rises least. */
function bestAfter(contenders: readonly Contender[], x: number): Contender | undefined {
  let best: { readonly contender: Contender; readonly score: number; readonly slope: number } | undefined;
  for (const contender of contenders) {
    if (x >= contender.limitX * (1 - EQUAL)) continue;
    const score = Math.max(...contender.score.map((line) => lineAt(line, x)));
    const slope = Math.max(
      ...contender.score.filter((line) => lineAt(line, x) >= score * (1 - EQUAL)).map(({ bytes }) => bytes),
    );
    const isEqual = best && Math.abs(score - best.score) <= EQUAL * Math.max(score, best.score);
    if (!best || (isEqual ? slope < best.slope : score < best.score)) best = { contender, score, slope };
  }
  return best?.contender;
}

/** Where somebody else is best for the first time after x. */
function endOf(best: Contender, contenders: readonly Contender[], x: number): number {
  const meetings = contenders
    .filter((rival) => rival !== best)
    .flatMap((rival) => best.score.flatMap((own) => rival.score.map((other) => meetingX(own, other))));
  const places = [best.limitX, ...meetings].filter(
    (place) => Number.isFinite(place) && place > x * (1 + EQUAL),
  );
  const sorted = [...new Set(places)].sort((a, b) => a - b);
  return sorted.find((place) => bestAfter(contenders, place) !== best) ?? Number.POSITIVE_INFINITY;
}
