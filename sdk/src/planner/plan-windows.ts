/** The windows of a plan's arms: ranges of links, and the same in words. */
import type { EnvelopePiece, Line, XRange } from './envelope.ts';
import type { PlanEntry, PlanWindow } from './plan-file.ts';
import { armLine, type PlanLink, type PlannedArm } from './planned-arm.ts';
import { beatsOn, pieceRates, type RateRange, ratesText } from './win-window.ts';

/** The links on which an arm is best, the widest range first. There are several where a deadline rules rivals out. */
export function bestRanges(
  pieces: readonly EnvelopePiece[],
  place: number,
  range: XRange,
): readonly RateRange[] {
  const own = pieces.filter(({ index }) => index === place);
  return own.toSorted((a, b) => b.toX / b.fromX - a.toX / a.fromX).map((piece) => pieceRates(piece, range));
}

/** From the slowest link to the fastest. */
export function planWindows(
  pieces: readonly EnvelopePiece[],
  arms: readonly PlannedArm[],
  range: XRange,
): readonly PlanWindow[] {
  return pieces
    .map((piece) => ({ armId: arms[piece.index]?.id ?? '', ...pieceRates(piece, range) }))
    .reverse();
}

/** Where an arm is faster than the device alone, and than every way of sending the input. */
export function rivalsOf(
  arms: readonly PlannedArm[],
  link: PlanLink,
  arm: PlannedArm,
): Pick<PlanEntry, 'beatsDevice' | 'beatsCloud'> {
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

/** `best from 734 kbit/s to 5.1 Mbit/s; beats the device alone above 734 kbit/s`. */
export function windowText(
  ranges: readonly RateRange[],
  { beatsDevice, beatsCloud }: Pick<PlanEntry, 'beatsDevice' | 'beatsCloud'>,
): string {
  const parts = [ranges.length > 0 ? `best ${ranges.map(ratesText).join(' and ')}` : 'never best'];
  if (beatsDevice) parts.push(`beats the device alone ${ratesText(beatsDevice)}`);
  if (beatsCloud) parts.push(`beats the cloud alone ${ratesText(beatsCloud)}`);
  return parts.join('; ');
}
