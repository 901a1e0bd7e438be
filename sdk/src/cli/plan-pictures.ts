/** The pictures of a plan: latency against bandwidth, and the stages of the best arms and of their rivals. */
import { predictStages } from '../planner/cost-model.ts';
import { latencyMs } from '../planner/objective.ts';
import { planAnswer } from '../planner/plan-answer.ts';
import type { Plan, PlanEntry, PlanWindow } from '../planner/plan-file.ts';
import { rateText } from '../planner/win-window.ts';
import { latencyChart } from '../report/latency-chart.ts';
import { type StageGroup, stageBars } from '../report/stage-bars.ts';

/** Links that are drawn, if nothing happens beyond them. */
const [SLOWEST, FASTEST] = [2e5, 1e9];
const MOST_GROUPS = 5;

export function planCurves(plan: Plan): string {
  const [from, to] = drawnRates(plan);
  return latencyChart({
    description: `Latency of every arm against the rate of the uplink, both on log scales. ${planAnswer(plan)}`,
    curves: plan.arms
      .filter(({ excludedBy }) => excludedBy.length === 0)
      .map(({ id, name, kind, line }) => ({ name, kind, ...line, best: rangesOf(plan, id) })),
    fromBitsPerSecond: from,
    toBitsPerSecond: to,
    rateText,
  });
}

/** The middle of every window, slow to fast: the best arm beside the device, the inputs and the best of the others. */
export function planStages(plan: Plan): string {
  const [from, to] = drawnRates(plan);
  const rates = plan.windows
    .slice(0, MOST_GROUPS)
    .map((window) => middleOf(window, from, to))
    .filter((rate) => rate >= plan.fromBitsPerSecond && rate <= plan.toBitsPerSecond);
  const groups = rates.map((rate, index) => groupAt(plan, rate, plan.windows[index]?.armId));
  return stageBars({
    description: `Stages of a request at ${rates.map(rateText).join(', ')}; the table has the figures.`,
    groups,
  });
}

/** With every turn well inside. */
function drawnRates({ windows, fromBitsPerSecond, toBitsPerSecond }: Plan): readonly [number, number] {
  const turns = windows
    .flatMap((window) => [window.fromBitsPerSecond, window.toBitsPerSecond])
    .filter((rate) => rate !== null);
  return [
    Math.max(fromBitsPerSecond, Math.min(SLOWEST, ...turns.map((rate) => rate / 4))),
    Math.min(toBitsPerSecond, Math.max(FASTEST, ...turns.map((rate) => rate * 4))),
  ];
}

function rangesOf({ windows, fromBitsPerSecond, toBitsPerSecond }: Plan, id: string) {
  return windows
    .filter(({ armId }) => armId === id)
    .map((window) => ({
      from: window.fromBitsPerSecond ?? fromBitsPerSecond,
      to: window.toBitsPerSecond ?? toBitsPerSecond,
    }));
}

/** On the scale that is drawn. */
function middleOf({ fromBitsPerSecond, toBitsPerSecond }: PlanWindow, from: number, to: number): number {
  return Math.sqrt((fromBitsPerSecond ?? from) * (toBitsPerSecond ?? to));
}

function groupAt(plan: Plan, uplinkBitsPerSecond: number, bestId: string | undefined): StageGroup {
  const now = { ...plan.link, uplinkBitsPerSecond, deviceSlowdown: 1, cloudSlowdown: 1 };
  const shown = rivalsAt(plan, bestId, (arm) => latencyMs(arm.cost, now));
  const bars = shown.map((arm) => {
    const stages = predictStages(arm.cost, now);
    const isDevice = arm.kind === 'device';
    return {
      name: arm.name,
      isBest: arm.id === bestId,
      ms: {
        head: stages.headMs,
        encode: stages.encodeMs,
        uplink: isDevice ? 0 : stages.uplinkMs,
        queue: isDevice ? 0 : stages.queueMs,
        tail: stages.tailMs,
        downlink: isDevice ? 0 : stages.downlinkMs,
        decode: stages.decodeMs,
        last: stages.lastMs ?? 0,
      },
    };
  });
  return { heading: `at ${rateText(uplinkBitsPerSecond)}`, bars };
}

function rivalsAt(
  plan: Plan,
  bestId: string | undefined,
  msOf: (arm: PlanEntry) => number,
): readonly PlanEntry[] {
  const others = plan.arms.filter(({ id, excludedBy }) => id !== bestId && excludedBy.length === 0);
  const cuts = others.filter(({ kind }) => kind === 'split').toSorted((a, b) => msOf(a) - msOf(b));
  const best = plan.arms.filter(({ id }) => id === bestId);
  return [...best, ...others.filter(({ kind }) => kind !== 'split'), ...cuts.slice(0, 1)];
}
