/**
 * All best sets between two that are nested, where best sets grow as the link gets slower. Where the lines of the two meet,
 * the best set between them either is no lower, and there is none, or parts what lies between them into two smaller problems
 * of the same kind, each of which is made from the one before: so the work grows with the depth, not with the number, of sets.
 */
import { addSavers, type Closure, closureLine, weighItems } from './closure.ts';
import type { ClosureSet } from './closure-between.ts';
import { type Line, lineAt, meetingX } from './envelope.ts';
import { createClosureFlow } from './max-flow.ts';
import { smallerClosure } from './smaller-closure.ts';

/** What lies between two neighbours: none of its items are in the left set, all are in the right one. */
interface Gap {
  readonly closure: Closure;
  /** For each item, its place in the whole problem. */
  readonly items: Int32Array;
  readonly left: Line;
  /** Of the right set, or of a head that we have instead of it. */
  readonly right: Line;
}

export interface NestedEnds {
  readonly left: ClosureSet;
  readonly right: ClosureSet;
  /** A tensor is never taken to cost more than this. */
  readonly capMs: number;
}

/**
 * The sets of the envelope strictly between the two, by growing size. Each is the smallest of its line: it is the smallest
 * of all that cost the least where it was found, and every other set of its line costs as little there.
 */
export function setsBetween(whole: Closure, { left, right, capMs }: NestedEnds): readonly ClosureSet[] {
  const found: ClosureSet[] = [];
  const settled = { taken: left.chosen, possible: right.chosen };
  const { closure, items } = smallerClosure(whole, settled);
  part({ closure, items, left: left.line, right: right.line }, left.chosen);
  return found;

  function part(gap: Gap, below: Uint8Array): void {
    const middle = lowerSet(gap, capMs);
    if (!middle) return;
    const { closure, items, left, right } = gap;
    const none = new Uint8Array(items.length);
    const all = new Uint8Array(items.length).fill(1);
    const chosen = below.slice();
    for (let at = 0; at < items.length; at++) if (middle.chosen[at] === 1) chosen[items[at] as number] = 1;
    part({ ...smaller({ closure, items }, none, middle.chosen), left, right: middle.line }, below);
    found.push({ chosen, line: middle.line });
    part({ ...smaller({ closure, items }, middle.chosen, all), left: middle.line, right }, chosen);
  }
}

/** The best set where the two lines meet, if it is lower there by more than noise. */
function lowerSet({ closure, items, left, right }: Gap, capMs: number): ClosureSet | undefined {
  const x = meetingX(left, right);
  if (items.length === 0 || !Number.isFinite(x)) return undefined;
  const { weights, unitMs } = weighItems(closure, x, capMs);
  const flow = new Float64Array(closure.rules.from.length);
  const chosen = createClosureFlow(closure.rules).solve({ weights, flow, tolerance: items.length });
  addSavers(closure, chosen);
  const line = closureLine(closure, chosen);
  const noiseMs = 2 * items.length * unitMs;
  return lineAt(line, x) < Math.min(lineAt(left, x), lineAt(right, x)) - noiseMs
    ? { chosen, line }
    : undefined;
}

function smaller(
  { closure, items }: Pick<Gap, 'closure' | 'items'>,
  taken: Uint8Array,
  possible: Uint8Array,
): Pick<Gap, 'closure' | 'items'> {
  const inner = smallerClosure(closure, { taken, possible });
  return { closure: inner.closure, items: inner.items.map((at) => items[at] as number) };
}
