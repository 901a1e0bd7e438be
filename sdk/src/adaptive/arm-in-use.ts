/** The arm in use: whether to stay with it, and why it was left. */
import type { Arm } from '../planner/arm.ts';
import type { ArmCost, Conditions } from '../planner/cost-model.ts';
import { causeOf } from './change-cause.ts';
import type { ArmChange, Prediction } from './decision.ts';
import type { Estimate } from './estimate.ts';
import { createHysteresis } from './hysteresis.ts';

export interface ArmInUse {
  readonly arm: Arm | undefined;
  /** When it came into use. */
  readonly sinceMs: number;
  /** The one in use where it is among the possible ones and nearly as good as the best. */
  pick(possible: readonly Prediction[], best: Prediction, now: Conditions): Prediction;
  /** From now on `chosen` is in use. @returns what changed, if anything did and something was in use */
  use(chosen: Prediction, ranked: readonly Prediction[], at: Moment): ArmChange | undefined;
  /** The last thing heard of an arm was nothing, or was an answer. Of one that is not in use, such as a probe's, it says nothing here. */
  heard(arm: Arm, isSilence: boolean): void;
}

export interface Moment {
  readonly now: Conditions;
  readonly nowMs: number;
}

/** @param random spreads moves for the cloud's sake over some requests */
export function createArmInUse(
  { book, predict }: Pick<Estimate, 'book' | 'predict'>,
  random: (() => number) | undefined,
): ArmInUse {
  const hysteresis = createHysteresis();
  let current: Arm | undefined;
  let sinceMs = 0;
  let before: Conditions | undefined;
  let isSilent = false;

  function whyMove(from: Arm, to: Arm, now: Conditions): ArmChange['cause'] {
    const [fromCost, toCost] = [book.cost(from.id), book.cost(to.id)];
    if (isSilent) return 'silence';
    if (!fromCost || !toCost) return 'arms';
    const score = (cost: ArmCost, conditions: Conditions) =>
      predict(cost === fromCost ? from : to, cost, conditions);
    return causeOf({ from: fromCost, to: toCost, now, before: before ?? now, score });
  }

  return {
    get arm() {
      return current;
    },
    get sinceMs() {
      return sinceMs;
    },
    pick(possible, best, now) {
      const held = possible.find(({ arm }) => arm.id === current?.id);
      if (held === undefined || held === best) return best;
      if (!hysteresis.isWorthIt(1 - best.score / held.score)) return held;
      const waits = random !== undefined && whyMove(held.arm, best.arm, now) === 'cloud' && random() < 0.5;
      return waits ? held : best;
    },
    use(chosen, ranked, { now, nowMs }) {
      const from = current;
      current = chosen.arm;
      hysteresis.count(from?.id !== chosen.arm.id);
      if (from?.id === chosen.arm.id) return undefined;
      const left = ranked.find(({ arm }) => arm.id === from?.id);
      const change = from && {
        ...{ from, to: chosen.arm, toMs: chosen.totalMs, fromMs: left?.totalMs },
        cause: left ? whyMove(from, chosen.arm, now) : 'arms',
        ...{ now, before: before ?? now },
      };
      before = now;
      sinceMs = nowMs;
      isSilent = false;
      return change;
    },
    heard({ id }, silence) {
      if (id === current?.id) isSilent = silence;
    },
  };
}
