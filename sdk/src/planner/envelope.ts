/**
 * The lower envelope of lines: which of them is lowest at every x. Here x is milliseconds per byte sent, so a line is an
 * arm's total time on every bandwidth at once.
 */

export interface Line {
  /** Milliseconds at x = 0, that is, on a link that takes no time. */
  readonly fixedMs: number;
  /** Bytes that are sent: milliseconds more for each unit of x. */
  readonly bytes: number;
}

/** Milliseconds per byte, both ends included. */
export interface XRange {
  readonly fromX: number;
  readonly toX: number;
}

/** One line is lowest from `fromX` to `toX`. */
export interface EnvelopePiece extends XRange {
  /** Place of the line in the list that was given. */
  readonly index: number;
}

/** Milliseconds that a byte takes on a link of that rate. */
export function msPerByte(bitsPerSecond: number): number {
  return 8000 / bitsPerSecond;
}

/** The rate of a link on which a byte takes that long. */
export function bitsPerSecondAt(x: number): number {
  return 8000 / x;
}

export function lineAt({ fixedMs, bytes }: Line, x: number): number {
  return fixedMs + x * bytes;
}

/** Where two lines meet; not finite when they are parallel. */
export function meetingX(a: Line, b: Line): number {
  return (b.fixedMs - a.fixedMs) / (a.bytes - b.bytes);
}

/**
 * The pieces of the lower envelope within the range, by rising x and so by falling bytes. They adjoin and none is empty.
 * Of equal lines the first stands. O(n log n).
 */
export function lowerEnvelope(lines: readonly Line[], range: XRange): readonly EnvelopePiece[] {
  const steepFirst = [...lines.keys()].sort(
    (i, j) => compareLines(lineOf(lines, i), lineOf(lines, j)) || i - j,
  );
  const hull: { index: number; fromX: number }[] = [];
  for (const index of steepFirst) {
    const line = lineOf(lines, index);
    let fromX = Number.NEGATIVE_INFINITY;
    for (let last = hull.at(-1); last; last = hull.at(-1)) {
      const before = lineOf(lines, last.index);
      fromX = before.bytes === line.bytes ? Number.POSITIVE_INFINITY : meetingX(before, line);
      if (fromX > last.fromX) break;
      hull.pop();
    }
    if (hull.length === 0) hull.push({ index, fromX: Number.NEGATIVE_INFINITY });
    else if (fromX < Number.POSITIVE_INFINITY) hull.push({ index, fromX });
  }
  return clip(hull, range);
}

/** The piece at x: at a breakpoint the one that sends less. Undefined outside of the pieces. O(log n). */
export function pieceAt<T extends XRange>(pieces: readonly T[], x: number): T | undefined {
  let low = 0;
  let high = pieces.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((pieces[middle]?.fromX ?? Number.POSITIVE_INFINITY) <= x) low = middle;
    else high = middle - 1;
  }
  const found = pieces[low];
  return found && found.fromX <= x && x <= found.toX ? found : undefined;
}

// Of parallel lines the lowest comes first, so that the later ones never enter the hull.
function compareLines(a: Line, b: Line): number {
  return b.bytes - a.bytes || a.fixedMs - b.fixedMs;
}

function lineOf(lines: readonly Line[], index: number): Line {
  return lines[index] ?? { fixedMs: Number.POSITIVE_INFINITY, bytes: 0 };
}

function clip(hull: readonly { index: number; fromX: number }[], range: XRange): EnvelopePiece[] {
  const pieces = hull.map(({ index, fromX }, place) => ({
    index,
    fromX: Math.max(fromX, range.fromX),
    toX: Math.min(hull[place + 1]?.fromX ?? Number.POSITIVE_INFINITY, range.toX),
  }));
  return pieces.filter(({ fromX, toX }) => fromX < toX);
}
