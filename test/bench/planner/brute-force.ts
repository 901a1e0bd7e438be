/** Small random cut problems, and all their allowed heads one by one, to hold the planner against. */
import {
  type CutProblem,
  type HeadMask,
  headLine,
  isAllowedHead,
} from '../../../sdk/src/planner/cut-problem.ts';
import { type Line, lineAt, pieceAt, type XRange } from '../../../sdk/src/planner/envelope.ts';
import { type CutInterval, parametricCut } from '../../../sdk/src/planner/parametric-cut.ts';

const MAX_NODES = 14;

/**
 * Up to 14 nodes, tensors with up to all readers, several inputs. Half of the problems have small whole numbers, so that
 * many heads cost the same; in half no node is faster on the device, as then the planner needs fewer proofs; some have
 * pins, tensors that must stay, outputs and costs of splitting.
 */
export function randomCutProblem(random: () => number): CutProblem {
  const below = (limit: number) => Math.floor(random() * limit);
  const count = 1 + below(MAX_NODES);
  const isCoarse = random() < 0.5;
  const time = (most: number) => (isCoarse ? below(4) : random() * most);
  const size = () => (isCoarse ? below(4) * 1000 : Math.floor(10 ** (2 + 4 * random())));
  const density = 0.5 * random() ** 2;
  const inputs = 1 + below(2);
  const tensors = Array.from({ length: count + inputs }, (_, index) => {
    const producer = Math.max(-1, index - inputs);
    const later = Array.from({ length: count - producer - 1 }, (_, i) => producer + 1 + i);
    const consumers = later.filter((node) => random() < density || (node === producer + 1 && random() < 0.7));
    return { bytes: size(), producer, consumers, mustStay: random() < 0.03 };
  });
  const cloudMs = Array.from({ length: count }, () => time(10));
  const isSlower = random() < 0.5;
  const pins = () => (random() < 0.1 ? [below(count)] : []);
  return {
    edgeMs: cloudMs.map((ms) => (isSlower ? ms : 0) + time(50)),
    cloudMs,
    tensors,
    outputs: [{ producer: count - 1, bytes: isCoarse ? 4 : below(5000) }],
    downlinkMsPerByte: isSlower ? 0 : isCoarse ? 0.25 : random() * 0.01,
    splitMs: random() < 0.5 ? 0 : time(30),
    pinnedToHead: pins(),
    pinnedToTail: pins(),
  };
}

interface Head extends Line {
  readonly mask: HeadMask;
}

/** What differs from brute force, in words; undefined when nothing does. */
export function checkAgainstBruteForce(problem: CutProblem, range: XRange): string | undefined {
  const found = parametricCut(problem, range);
  const heads = allHeads(problem);
  if (heads.length === 0) return found.length === 0 ? undefined : 'found a head where none is allowed';
  const faults = [
    checkCover(found, range),
    ...found.map((interval) => checkInterval(interval, problem, heads)),
  ];
  const between = pointsOf(found).map((x) => checkPoint(found, heads, x));
  return [...faults, ...between].find((fault) => fault !== undefined);
}

function allHeads(problem: CutProblem): Head[] {
  const count = problem.edgeMs.length;
  const heads: Head[] = [];
  for (let bits = 0; bits < 2 ** count; bits++) {
    const mask = Uint8Array.from({ length: count }, (_, node) => (bits >> node) & 1);
    if (isAllowedHead(problem, mask)) heads.push({ mask, ...headLine(problem, mask) });
  }
  return heads;
}

function checkCover(found: readonly CutInterval[], { fromX, toX }: XRange): string | undefined {
  if (found[0]?.fromX !== fromX || found.at(-1)?.toX !== toX) return 'the intervals do not cover the range';
  const isTorn = found.some((interval, i) => i > 0 && interval.fromX !== found[i - 1]?.toX);
  return isTorn ? 'the intervals do not adjoin' : undefined;
}

/** The ends of all intervals, their middles, and points close to both ends. */
function pointsOf(found: readonly CutInterval[]): number[] {
  return found.flatMap(({ fromX, toX }) => {
    const at = (share: number) => fromX + (toX - fromX) * share;
    return [fromX, at(1e-6), at(0.5), at(1 - 1e-6), toX];
  });
}

function checkPoint(found: readonly CutInterval[], heads: readonly Head[], x: number): string | undefined {
  const piece = pieceAt(found, x);
  if (!piece) return `no interval at ${x}`;
  const best = heads.reduce((least, head) => Math.min(least, lineAt(head, x)), Number.POSITIVE_INFINITY);
  const excess = lineAt(piece, x) - best;
  return excess > 1e-9 * (1 + best) ? `at ${x}: ${excess} ms over the best, ${best} ms` : undefined;
}

/** The head must be allowed, have the line it claims, and lie within every head that has the same line. */
function checkInterval(
  { headSet, fixedMs, bytes }: CutInterval,
  problem: CutProblem,
  heads: readonly Head[],
): string | undefined {
  if (!isAllowedHead(problem, headSet)) return 'a head that is not allowed';
  const claimed = headLine(problem, headSet);
  if (claimed.fixedMs !== fixedMs || claimed.bytes !== bytes) return 'a line that is not its head’s';
  const equals = heads.filter((head) => head.bytes === bytes && Math.abs(head.fixedMs - fixedMs) < 1e-9);
  const isSmallest = equals.every(({ mask }) => headSet.every((flag, node) => flag <= (mask[node] ?? 0)));
  return isSmallest ? undefined : 'an equally good head is smaller';
}
