/**
 * A closure problem whose weights depend on the link: items, rules "who takes u must take v", and what each item adds at
 * x milliseconds per byte. A head is a set of items that keeps the rules; the best head is the set of least weight.
 */
import type { Line } from './envelope.ts';
import type { ClosureRules } from './incidence.ts';

export interface Closure {
  readonly rules: ClosureRules;
  /** What the empty set costs. */
  readonly base: Line;
  /** Milliseconds that each item adds, whatever the link. */
  readonly fixedMs: Float64Array;
  /** 1 for items that only save bytes: taken whenever the rules let them. */
  readonly isSaver: Uint8Array;
  /** Taking item `payer[i]` adds `bytes[i]`, taking `saver[i]` saves them again; -1 is no item. */
  readonly charges: Charges;
}

export interface Charges {
  readonly bytes: Float64Array;
  readonly payer: Int32Array;
  readonly saver: Int32Array;
}

/** The cost of a set of items on every link. */
export function closureLine({ base, fixedMs, charges }: Closure, chosen: Uint8Array): Line {
  let ms = base.fixedMs;
  for (let item = 0; item < fixedMs.length; item++) if (chosen[item] === 1) ms += fixedMs[item] as number;
  let bytes = base.bytes;
  for (let i = 0; i < charges.bytes.length; i++) {
    const [pays, saves] = [charges.payer[i] as number, charges.saver[i] as number];
    if (pays >= 0 && chosen[pays] === 1) bytes += charges.bytes[i] as number;
    if (saves >= 0 && chosen[saves] === 1) bytes -= charges.bytes[i] as number;
  }
  return { fixedMs: ms, bytes };
}

/** Adds every saver whose rules are kept: where it saves next to nothing a minimum may lack it. */
export function addSavers({ rules, isSaver }: Closure, chosen: Uint8Array): void {
  const isMissing = new Uint8Array(rules.items);
  const { from, to } = rules;
  for (let k = 0; k < from.length; k++) if (chosen[to[k] as number] === 0) isMissing[from[k] as number] = 1;
  for (let item = 0; item < rules.items; item++)
    if (isSaver[item] === 1) chosen[item] = isMissing[item] === 1 ? 0 : 1;
}

export interface WholeWeights {
  readonly weights: Float64Array;
  readonly unitMs: number;
}

/**
 * The items' weights at x as whole numbers of units, the unit as fine as keeps all sums exact. It is a power of two, so
 * that times that are multiples of it stay as they are.
 * @param capMs a tensor is never taken to cost more than this
 */
export function weighItems({ rules, fixedMs, charges }: Closure, x: number, capMs: number): WholeWeights {
  const { bytes, payer, saver } = charges;
  const costMs = new Float64Array(bytes.length);
  let sumMs = 0;
  for (let item = 0; item < fixedMs.length; item++) sumMs += Math.abs(fixedMs[item] as number);
  for (let i = 0; i < costMs.length; i++) {
    costMs[i] = Math.min((bytes[i] as number) * x, capMs);
    sumMs += 2 * (costMs[i] as number);
  }
  // The floor keeps a problem in which nothing costs anything from dividing by zero.
  const unitMs = 2 ** (Math.ceil(Math.log2(Math.max(sumMs, 2 ** -64))) - 51);
  const weights = new Float64Array(rules.items);
  for (let item = 0; item < weights.length; item++)
    weights[item] = Math.round((fixedMs[item] as number) / unitMs);
  for (let i = 0; i < costMs.length; i++) {
    const units = Math.round((costMs[i] as number) / unitMs);
    const [pays, saves] = [payer[i] as number, saver[i] as number];
    if (pays >= 0) (weights[pays] as number) += units;
    if (saves >= 0) (weights[saves] as number) -= units;
  }
  return { weights, unitMs };
}
