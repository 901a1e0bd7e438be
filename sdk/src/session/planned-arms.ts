/** A plan in a session's terms: which cuts to open, which arms there are, and what each is expected to cost. */
import { isCodecProfile } from '../codec/codec.ts';
import type { Cut } from '../cut/cut.ts';
import { SplitError } from '../errors.ts';
import {
  type Arm,
  type ArmRules,
  DEVICE_ARM,
  keepsOutputs,
  pipelineArm,
  type SplitArm,
  splitArm,
  uArm,
} from '../planner/arm.ts';
import type { ArmCost } from '../planner/cost-model.ts';
import { type Plan, type PlanEntry, readPlan } from '../planner/plan-file.ts';
import type { SplitModel } from './open-model.ts';
import type { ResolvedOptions } from './options.ts';
import { sendsInput } from './run-head.ts';

export interface PlannedArms {
  readonly cuts: readonly Cut[];
  readonly arms: readonly Arm[];
  /** By arm id, as the plan measured or guessed them. */
  readonly costs: ReadonlyMap<string, KnownCost>;
}

export interface KnownCost {
  readonly cost: ArmCost;
  /** That it rests on; none for a guess, which the first run replaces. */
  readonly runs: number;
}

// What a plan says of an arm was measured, in about so many runs.
const PLAN_RUNS = 10;

type PlanRules = Omit<ArmRules, 'stages'> & Pick<ResolvedOptions, 'stages'>;

interface Offer {
  readonly arm: SplitArm;
  readonly entry: PlanEntry;
}

/** A parsed plan file for this model. @throws SplitError `options-invalid`, `model-mismatch` */
export function checkedPlan(content: unknown, model: SplitModel): Plan {
  const plan = readPlan(content);
  if (plan.modelDigest === model.digest) return plan;
  const [planned, here] = [plan.modelDigest, model.digest].map((digest) => digest.slice(0, 12));
  throw new SplitError('model-mismatch', `the plan is for model ${planned}, this is ${here}`);
}

/**
 * The arms that the plan's policy allows and the session's own rules too. Of more cuts than `maxCuts` those stay that are
 * best somewhere, then those that send least.
 */
export function plannedArms(
  plan: Plan,
  model: SplitModel,
  rules: PlanRules & { readonly maxCuts: number },
): PlannedArms {
  const offers = plan.arms.flatMap((entry) => offerOf(entry, model, rules) ?? []);
  const kept = keptCuts(offers, rules.maxCuts);
  const left = offers.filter(({ arm }) => innerCuts(arm).every((cut) => kept.has(cut)));
  const device = plan.arms.find(({ kind }) => kind === 'device');
  return {
    cuts: [...kept].sort((a, b) => a.position - b.position),
    arms: [DEVICE_ARM, ...left.map(({ arm }) => arm)],
    costs: new Map([
      ...(device ? [[DEVICE_ARM.id, knownCost(device)] as const] : []),
      ...left.map(({ arm, entry }) => [arm.id, knownCost(entry)] as const),
    ]),
  };
}

function knownCost({ cost, isGuess }: PlanEntry): KnownCost {
  return { cost, runs: isGuess ? 0 : PLAN_RUNS };
}

function offerOf(entry: PlanEntry, model: SplitModel, rules: PlanRules): Offer | undefined {
  if (entry.kind === 'device' || entry.excludedBy.length > 0) return undefined;
  const slash = entry.id.indexOf('/');
  const [place, profile] = [entry.id.slice(0, slash), entry.id.slice(slash + 1)];
  const [first = '', last] = place.split('-');
  const [cut, ...via] = first.split('>').map((id) => cutNamed(model, id));
  const to = last === undefined ? undefined : cutNamed(model, last);
  if (cut === undefined || !(profile === 'image' || isCodecProfile(profile))) return undefined;
  if (rules.inputs === 'stay' && sendsInput(cut, model)) return undefined;
  if (cut.depth < rules.minDepth || rules.denial?.(cut, to)) return undefined;
  const all: readonly (Cut | undefined)[] = last === undefined ? [cut, ...via] : [cut, ...via, to];
  if (!isNested(all) || (all.length > 1 && profile === 'image')) return undefined;
  const isKept = rules.outputs !== 'stay' || (to !== undefined && keepsOutputs(cut, to));
  if (!isKept || via.length > (rules.stages?.length ?? 1) - 1) return undefined;
  const arm = to && profile !== 'image' ? uArm(cut, to, profile) : splitArm(cut, profile);
  return { arm: via.length > 0 ? pipelineArm(arm, all.slice(1, 1 + via.length)) : arm, entry };
}

function isNested(cuts: readonly (Cut | undefined)[]): cuts is readonly Cut[] {
  return cuts.every((cut, i) => cut !== undefined && cut.position > (cuts[i - 1]?.position ?? -1));
}

function cutNamed({ cuts }: SplitModel, id: string): Cut | undefined {
  return id === 'input' ? cuts[0] : cuts.find((cut) => cut.id === id);
}

/** Those that an executor must have for the arm. */
export function innerCuts({ cut, via = [], to }: SplitArm): readonly Cut[] {
  return [cut, ...via, ...(to ? [to] : [])].filter(({ position }) => position > 0);
}

function keptCuts(offers: readonly Offer[], maxCuts: number): ReadonlySet<Cut> {
  const inner = offers.filter(({ arm }) => innerCuts(arm).length > 0);
  const isBest = ({ entry }: Offer) => (entry.best === null ? 1 : 0);
  const ranked = inner.toSorted(
    (a, b) => isBest(a) - isBest(b) || a.entry.cost.sentBytes - b.entry.cost.sentBytes,
  );
  return new Set([...new Set(ranked.flatMap(({ arm }) => innerCuts(arm)))].slice(0, maxCuts));
}
