/** What each arm costs by itself, and what its runs have taught about that. */
import type { Arm } from '../planner/arm.ts';
import type { ArmCost, Conditions, StageTimes } from '../planner/cost-model.ts';
import type { LinkSample } from './link-estimate.ts';

export interface Lesson {
  readonly stages: StageTimes;
  readonly sample: LinkSample | undefined;
  /** What all arms share, this run included: what is left is the arm's own. */
  readonly now: Conditions;
}

export interface ArmBook {
  /** @param runs that the cost rests on; without them the first run replaces it. Later calls may leave it as it is */
  set(arm: Arm, cost: ArmCost, runs?: number): void;
  cost(id: string): ArmCost | undefined;
  /** The same with the times that were measured first where runs took more. */
  leastCost(id: string): ArmCost | undefined;
  runs(id: string): number;
  learn(arm: Arm, lesson: Lesson): void;
}

// How much of what a run showed goes into the arm's own costs; the rest is what is already known of it.
const LEARNING = 0.1;
// Bytes are counted, not timed: they can be followed quickly.
const BYTES_LEARNING = 0.3;
// What was measured first draws back by so much in each run: errors in telling arm and machine apart are forgotten.
const FORGETTING = 0.02;
// Runs of which the mean is what an arm is drawn back to.
const FIRST_RUNS = 5;

export function createArmBook(): ArmBook {
  const costs = new Map<string, ArmCost>();
  const runs = new Map<string, number>();
  const measured = new Map<string, ArmCost>();
  return {
    set(arm, cost, count) {
      costs.set(arm.id, cost);
      measured.set(arm.id, cost);
      if (count !== undefined) runs.set(arm.id, count);
    },
    cost: (id) => costs.get(id),
    leastCost(id) {
      const [cost, first] = [costs.get(id), measured.get(id)];
      return cost && first ? lesserTimes(cost, first) : cost;
    },
    runs: (id) => runs.get(id) ?? 0,
    learn({ id }, lesson) {
      const cost = costs.get(id);
      if (cost === undefined) return;
      const earlier = runs.get(id) ?? 0;
      runs.set(id, earlier + 1);
      const next = learnt(cost, lesson, earlier);
      if (earlier < FIRST_RUNS) measured.set(id, next);
      costs.set(id, drawnBack(next, measured.get(id) ?? next));
    },
  };
}

function lesserTimes(cost: ArmCost, other: ArmCost): ArmCost {
  const lesser = (name: 'headMs' | 'encodeMs' | 'tailMs' | 'decodeMs') => Math.min(cost[name], other[name]);
  return {
    ...cost,
    headMs: lesser('headMs'),
    encodeMs: lesser('encodeMs'),
    tailMs: lesser('tailMs'),
    decodeMs: lesser('decodeMs'),
  };
}

/** Times only: bytes are known for what they are. */
function drawnBack(cost: ArmCost, to: ArmCost): ArmCost {
  const drawn = (ms: number, toMs: number) => ms + FORGETTING * (toMs - ms);
  const back = (name: 'headMs' | 'encodeMs' | 'tailMs' | 'decodeMs') => drawn(cost[name], to[name]);
  return {
    ...cost,
    headMs: back('headMs'),
    encodeMs: back('encodeMs'),
    tailMs: back('tailMs'),
    decodeMs: back('decodeMs'),
    ...(cost.lastMs !== undefined && { lastMs: drawn(cost.lastMs, to.lastMs ?? cost.lastMs) }),
  };
}

/** The first run replaces what was guessed, the second counts for half, and so on down to the weights above. */
function learnt(cost: ArmCost, { stages, sample, now }: Lesson, earlier: number): ArmCost {
  const { deviceSlowdown: device, cloudSlowdown: cloud } = now;
  const towards = (known: number, shown: number, least = LEARNING) =>
    known + Math.max(least, 1 / (earlier + 1)) * (shown - known);
  const onDevice = {
    headMs: towards(cost.headMs, stages.headMs / device),
    encodeMs: towards(cost.encodeMs, stages.encodeMs / device),
    ...(cost.lastMs !== undefined && { lastMs: towards(cost.lastMs, (stages.lastMs ?? 0) / device) }),
  };
  if (sample === undefined) return { ...cost, ...onDevice };
  return {
    ...onDevice,
    decodeMs: towards(cost.decodeMs, stages.decodeMs / device),
    tailMs: towards(cost.tailMs, stages.tailMs / cloud),
    sentBytes: towards(cost.sentBytes, sample.sentBytes, BYTES_LEARNING),
    receivedBytes: towards(cost.receivedBytes, sample.receivedBytes, BYTES_LEARNING),
  };
}
