/** Win windows: on which links an arm is best, and where it beats what a user would do without us. In numbers and words. */
import { bitsPerSecondAt, type EnvelopePiece, type Line, meetingX, type XRange } from './envelope.ts';

/** Bits per second of the uplink; `null` at an end is "and beyond", outside of the planned range. */
export interface RateRange {
  readonly fromBitsPerSecond: number | null;
  readonly toBitsPerSecond: number | null;
}

/** The links on which one piece of the envelope lies: the slow end first. */
export function pieceRates({ fromX, toX }: EnvelopePiece, range: XRange): RateRange {
  return {
    fromBitsPerSecond: toX >= range.toX ? null : bitsPerSecondAt(toX),
    toBitsPerSecond: fromX <= range.fromX ? null : bitsPerSecondAt(fromX),
  };
}

/** On which links `arm` is faster than `rival`; undefined where on none. */
export function beatsOn(arm: Line, rival: Line): RateRange | undefined {
  if (arm.bytes === rival.bytes)
    return arm.fixedMs < rival.fixedMs ? { fromBitsPerSecond: null, toBitsPerSecond: null } : undefined;
  const x = meetingX(arm, rival);
  // Who sends less wins on slow links, if not on all.
  if (arm.bytes < rival.bytes)
    return { fromBitsPerSecond: null, toBitsPerSecond: x > 0 ? bitsPerSecondAt(x) : null };
  return x > 0 ? { fromBitsPerSecond: bitsPerSecondAt(x), toBitsPerSecond: null } : undefined;
}

/** `from 2.1 to 9.4 Mbit/s`, `above 2.1 Mbit/s`, `on every link`. */
export function ratesText({ fromBitsPerSecond, toBitsPerSecond }: RateRange): string {
  if (fromBitsPerSecond === null && toBitsPerSecond === null) return 'on every link';
  if (fromBitsPerSecond === null) return `below ${rateText(toBitsPerSecond ?? 0)}`;
  if (toBitsPerSecond === null) return `above ${rateText(fromBitsPerSecond)}`;
  const [from, to] = [rateText(fromBitsPerSecond), rateText(toBitsPerSecond)];
  const unit = to.slice(to.indexOf(' '));
  return `from ${from.endsWith(unit) ? from.slice(0, -unit.length) : from} to ${to}`;
}

/** `3.5 Mbit/s`: two digits, or as many as stand before the point. */
export function rateText(bitsPerSecond: number): string {
  const units = ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s'];
  const rounded = Number(bitsPerSecond.toPrecision(2));
  const step = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(rounded, 1)) / 3)));
  const value = bitsPerSecond / 1000 ** step;
  return `${value < 100 ? Number(value.toPrecision(2)) : Math.round(value)} ${units[step]}`;
}
