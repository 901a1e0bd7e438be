/**
 * All best sets of a closure problem over a range of links, after Eisner and Severance: where the lines of two sets meet,
 * a minimum cut tells whether any line is lower there. What lies between two sets is looked for first, as it is a small
 * problem and most often finds all. Where the best sets are nested, that is the proof too, and most problems fall into few
 * parts that are so; elsewhere minimum cuts of the whole problem prove that nothing was missed.
 */

import { addSavers, type Closure, closureLine, weighItems } from './closure.ts';
import { bestBetween, between, type ClosureSet, isNested } from './closure-between.ts';
import { lineAt, lowerEnvelope, type XRange } from './envelope.ts';
import { type ClosureFlow, createClosureFlow } from './max-flow.ts';
import { setsBetween } from './nested-envelope.ts';
import { nestedParts } from './nested-parts.ts';

export interface ClosureEnvelopeTask {
  readonly range: XRange;
  /** What some allowed head costs whatever the link: dearer ones need not be told apart. Infinity: none is known. */
  readonly mostMs: number;
}

/**
 * Among the sets is a best one for every x of the range at which the best costs less than `mostMs`, and of equally good
 * ones the smallest.
 */
export function closureEnvelope(closure: Closure, task: ClosureEnvelopeTask): readonly ClosureSet[] {
  return nestedParts(closure).flatMap((part) =>
    partEnvelope(part.closure, task).map(({ chosen, line }) => ({ chosen: part.wholeOf(chosen), line })),
  );
}

function partEnvelope(closure: Closure, { range, mostMs }: ClosureEnvelopeTask): readonly ClosureSet[] {
  if (closure.rules.items === 0) return [{ chosen: new Uint8Array(0), line: closure.base }];
  // A tensor that alone costs more than a head we have never crosses in the best one; how much more is all one.
  const capMs = mostMs * 1.001 + 1e-6;
  const flow = createClosureFlow(closure.rules);
  const whole = { closure, capMs, flow, proofs: [] };
  const left = proveEnd(whole, range.fromX);
  // A slower link makes no head cheaper.
  if (lineAt(left.line, range.fromX) > mostMs) return [];
  const right = proveEnd(whole, range.toX);
  const isUseful = lineAt(right.line, range.toX) <= mostMs;
  // Both ends have to be lowest at their x: there, if not this set, the head that we have.
  const end = isUseful ? right : headWeHave(closure, mostMs);
  const inner = isNested(closure)
    ? setsBetween(closure, { left, right: end, capMs })
    : completeSets(whole, [left, end], range).slice(2);
  return [left, ...inner, ...(isUseful ? [right] : [])];
}

// It stands for links on which every set of the block is too dear: all items, so that no better one is ruled out.
function headWeHave({ rules }: Closure, mostMs: number): ClosureSet {
  return { chosen: new Uint8Array(rules.items).fill(1), line: { fixedMs: mostMs, bytes: 0 } };
}

interface Problem {
  readonly closure: Closure;
  readonly capMs: number;
}

/** The whole problem with the flows found so far, by rising x. */
interface WholeProblem extends Problem {
  readonly flow: ClosureFlow;
  readonly proofs: Proof[];
}

interface Proof {
  readonly x: number;
  readonly flow: Float64Array;
  readonly unitMs: number;
}

/** Two sets that are neighbours on the envelope of all known ones, and where their lines meet. */
interface Corner {
  readonly left: ClosureSet;
  readonly right: ClosureSet;
  readonly x: number;
}

/** The ends, and whatever is lower between them: done when every corner of the envelope is proved. */
function completeSets(
  whole: WholeProblem,
  ends: readonly ClosureSet[],
  range: XRange,
): readonly ClosureSet[] {
  const sets = [...ends];
  const seen = cornerMemory();
  const proved = cornerMemory();
  for (;;) {
    const corners = cornersOf(sets, range);
    const fresh = corners.filter((corner) => seen.add(corner));
    const known = sets.length;
    for (const corner of fresh) sets.push(...lowerWithin(whole, corner));
    if (sets.length > known) continue;
    for (const corner of middleFirst(corners.filter((each) => proved.add(each)))) {
      sets.push(...lowerAnywhere(whole, corner));
    }
    if (sets.length === known) return smallestSets(whole, sets, range);
  }
}

/** In place of every set of the envelope the smallest that has the same line; ends keep their places. */
function smallestSets(
  whole: WholeProblem,
  sets: readonly ClosureSet[],
  range: XRange,
): readonly ClosureSet[] {
  const pieces = lowerEnvelope(
    sets.map(({ line }) => line),
    range,
  );
  const inner = pieces.flatMap((piece) => {
    const set = sets[piece.index];
    return set && piece.index > 1 ? [smallestSet(whole, set, piece)] : [];
  });
  return [...sets.slice(0, 2), ...inner];
}

// Between two proved corners costs are a straight line, so that between their flows lies one that is maximal.
function smallestSet(whole: WholeProblem, set: ClosureSet, { fromX, toX }: XRange): ClosureSet {
  const x = (fromX + toX) / 2;
  const { task, unitMs } = taskAt(whole, x);
  // The flows mixed may each lack as much as the tolerance, in units up to a few times larger.
  const chosen = whole.flow.finish({ ...task, tolerance: 8 * task.tolerance });
  addSavers(whole.closure, chosen);
  const smallest = { chosen, line: closureLine(whole.closure, chosen) };
  const isAsGood = lineAt(smallest.line, x) <= lineAt(set.line, x) + 2 * task.tolerance * unitMs;
  return isAsGood ? smallest : set;
}

function cornersOf(sets: readonly ClosureSet[], range: XRange): Corner[] {
  const pieces = lowerEnvelope(
    sets.map(({ line }) => line),
    range,
  );
  return pieces.slice(1).flatMap(({ index, fromX }, at) => {
    const [left, right] = [sets[pieces[at]?.index ?? -1], sets[index]];
    return left && right ? [{ left, right, x: fromX }] : [];
  });
}

/** Remembers corners by their two sets; `add` gives whether one is new. */
function cornerMemory() {
  const rightsOf = new Map<ClosureSet, Set<ClosureSet>>();
  return {
    add: ({ left, right }: Corner): boolean => {
      const rights = rightsOf.get(left) ?? new Set();
      if (rights.has(right)) return false;
      rightsOf.set(left, rights.add(right));
      return true;
    },
  };
}

/** A lower one of the sets that hold what both hold, and nothing that neither holds. */
function lowerWithin({ closure, capMs }: Problem, corner: Corner): ClosureSet[] {
  const { left, right, x } = corner;
  const found = bestBetween(closure, between(left.chosen, right.chosen), { x, capMs });
  return found ? ifLower(found, corner, found.noiseMs) : [];
}

/** The best set of all at a corner, if its line is lower there: else the corner is proved. */
function lowerAnywhere(whole: WholeProblem, corner: Corner): ClosureSet[] {
  const { left, x } = corner;
  const { task, unitMs } = taskAt(whole, x);
  const chosen = whole.flow.solveBelow(weightOf(left.chosen, task.weights), task);
  keepProof(whole.proofs, { x, flow: task.flow, unitMs });
  if (!chosen) return [];
  addSavers(whole.closure, chosen);
  const line = closureLine(whole.closure, chosen);
  return ifLower({ chosen, line }, corner, 2 * task.tolerance * unitMs);
}

/** The set alone, if its line is lower than the corner by more than noise. */
function ifLower(set: ClosureSet, { left, right, x }: Corner, noiseMs: number): ClosureSet[] {
  const known = Math.min(lineAt(left.line, x), lineAt(right.line, x));
  return lineAt(set.line, x) < known - noiseMs ? [set] : [];
}

function proveEnd(whole: WholeProblem, x: number): ClosureSet {
  const { task, unitMs } = taskAt(whole, x);
  const chosen = whole.flow.solve(task);
  keepProof(whole.proofs, { x, flow: task.flow, unitMs });
  addSavers(whole.closure, chosen);
  return { chosen, line: closureLine(whole.closure, chosen) };
}

function taskAt({ closure, capMs, proofs }: WholeProblem, x: number) {
  const { weights, unitMs } = weighItems(closure, x, capMs);
  const flow = mixFlows(nearest(proofs, x), closure.rules.from.length, unitMs);
  // As many units as there are items may come from rounding the weights alone.
  return { task: { weights, flow, tolerance: closure.rules.items }, unitMs };
}

/** Most numbers in all flows that are kept to start from: 128 MiB of them. */
const MOST_KEPT = 2 ** 24;

function keepProof(proofs: Proof[], proof: Proof): void {
  if (proofs.length * proof.flow.length > MOST_KEPT) return;
  const at = proofs.findIndex(({ x }) => x > proof.x);
  proofs.splice(at < 0 ? proofs.length : at, 0, proof);
}

/**
 * The proofs on both sides of x with their shares. Weights are straight lines in x, and so is what remains unpaid:
 * between two flows lies one that is nearly maximal.
 */
function nearest(proofs: readonly Proof[], x: number): (Proof & { readonly share: number })[] {
  const at = proofs.findIndex((proof) => proof.x >= x);
  const [before, after] = at < 0 ? [proofs.at(-1), undefined] : [proofs[at - 1], proofs[at]];
  if (!before || !after) return [before ?? after].flatMap((proof) => (proof ? [{ ...proof, share: 1 }] : []));
  const share = (after.x - x) / (after.x - before.x);
  return [
    { ...before, share },
    { ...after, share: 1 - share },
  ];
}

function mixFlows(starts: ReturnType<typeof nearest>, rules: number, unitMs: number): Float64Array {
  const mixed = new Float64Array(rules);
  for (const { flow, share, unitMs: ownMs } of starts) {
    const factor = (share * ownMs) / unitMs;
    for (let k = 0; k < rules; k++) (mixed[k] as number) += (flow[k] as number) * factor;
  }
  // Not Math.round: amounts are not negative, and floor is much faster.
  for (let k = 0; k < rules; k++) mixed[k] = Math.floor((mixed[k] as number) + 0.5);
  return mixed;
}

function weightOf(chosen: Uint8Array, weights: Float64Array): number {
  let sum = 0;
  for (let item = 0; item < weights.length; item++) if (chosen[item] === 1) sum += weights[item] as number;
  return sum;
}

/** The middle one, then those of each half in the same way: each proof then lies between two near ones. */
function* middleFirst<T>(list: readonly T[]): Generator<T> {
  if (list.length === 0) return;
  const middle = list.length >> 1;
  yield* list.slice(middle, middle + 1);
  yield* middleFirst(list.slice(0, middle));
  yield* middleFirst(list.slice(middle + 1));
}
