/** How far a model's outputs lie from those of the uncut model: relative L2, and how many decisions stay the same. */
import { halvesToFloats } from '../codec/number-format/float16.ts';
import type { Tensor, Tensors } from '../tensor.ts';

export interface OutputChange {
  /** Length of the difference against the length of the exact output; of several outputs, the largest. */
  readonly relativeL2: number;
  /** Positions at which a largest value can be looked for, and those where it stayed in its place. */
  readonly positions: number;
  readonly same: number;
}

/** An infinite `relativeL2` where a shape, a type, a NaN or an infinity differs: then no number says how far. */
export function changeOf(exact: Tensors, found: Tensors, names: readonly string[]): OutputChange {
  const changes = names.map((name) => changeOfOne(exact[name], found[name]));
  return {
    relativeL2: Math.max(0, ...changes.map(({ relativeL2 }) => relativeL2)),
    positions: sum(changes.map(({ positions }) => positions)),
    same: sum(changes.map(({ same }) => same)),
  };
}

function changeOfOne(exact: Tensor | undefined, found: Tensor | undefined): OutputChange {
  const lines = exact ? decisionsOf(exact) : undefined;
  const positions = lines?.count ?? 0;
  if (!exact || !found || !isSameKind(exact, found))
    return { relativeL2: Number.POSITIVE_INFINITY, positions, same: 0 };
  const [a, b] = [numbersOf(exact), numbersOf(found)];
  return { relativeL2: relativeL2(a, b), positions, same: lines ? sameDecisions(a, b, lines) : 0 };
}

function relativeL2(exact: Numbers, found: Numbers): number {
  let [difference, size] = [0, 0];
  for (let place = 0; place < exact.length; place++) {
    const [a, b] = [Number(exact[place]), Number(found[place])];
    if (Number.isFinite(a)) size += a * a;
    if (Object.is(a, b) || a === b) continue;
    difference += (a - b) ** 2;
  }
  if (difference === 0) return 0;
  const relative = Math.sqrt(difference / size);
  return Number.isNaN(relative) ? Number.POSITIVE_INFINITY : relative;
}

/** The values among which a decision is made lie `step` apart; `inner` decisions lie between them, `count` in all. */
interface Decisions {
  readonly classes: number;
  readonly step: number;
  readonly count: number;
}

/** Classes are the channels of a map (rank 4), else the last dimension; one class, or whole numbers, decide nothing. */
function decisionsOf({ type, dims, data }: Tensor): Decisions | undefined {
  if (!type.startsWith('float') || dims.length === 0 || data.length === 0) return undefined;
  const axis = dims.length === 4 ? 1 : dims.length - 1;
  const classes = dims[axis] ?? 1;
  if (classes < 2) return undefined;
  const step = dims.slice(axis + 1).reduce((product, dim) => product * dim, 1);
  return { classes, step, count: data.length / classes };
}

function sameDecisions(exact: Numbers, found: Numbers, decisions: Decisions): number {
  const { classes, step, count } = decisions;
  let same = 0;
  for (let decision = 0; decision < count; decision++) {
    const from = Math.floor(decision / step) * classes * step + (decision % step);
    if (largest(exact, from, decisions) === largest(found, from, decisions)) same++;
  }
  return same;
}

/** The first of equals. */
function largest(values: Numbers, from: number, { classes, step }: Decisions): number {
  let best = 0;
  for (let place = 1; place < classes; place++) {
    if (Number(values[from + place * step]) > Number(values[from + best * step])) best = place;
  }
  return best;
}

type Numbers = ArrayLike<number | bigint>;

function numbersOf({ type, data }: Tensor): Numbers {
  return type === 'float16' ? halvesToFloats(data as Uint16Array) : data;
}

function isSameKind(a: Tensor, b: Tensor): boolean {
  const hasSameShape = a.dims.length === b.dims.length && a.dims.every((dim, axis) => dim === b.dims[axis]);
  return a.type === b.type && hasSameShape;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
