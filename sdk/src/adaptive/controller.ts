/** The controller: picks an arm for every request, from stage costs, the link and what earlier requests showed. */
import { type Arm, DEVICE_ARM, type SplitArm } from '../planner/arm.ts';
import { type ArmCost, type Conditions, predictStages } from '../planner/cost-model.ts';
import { createArmInUse } from './arm-in-use.ts';
import type { Decision, Prediction } from './decision.ts';
import { type AnnouncedLoad, createEstimate, type Observation } from './estimate.ts';
import { giveUpAfterMs } from './patience.ts';
import { cheapestProbe, createProbeSchedule, onBestLink } from './probe-schedule.ts';
import { type ArmScore, latencyScore } from './score.ts';

export type { Prediction } from './decision.ts';
export type { Observation } from './estimate.ts';

export interface ControllerOptions {
  /** What to make least. @default latency */
  readonly score?: ArmScore;
  /** 0.5 plans for the link as it is expected, 0.9 for one that is slower nine times in ten. @default 0.5 */
  readonly quantile?: number;
  /** Uniform in [0, 1). Given, moves for the cloud's sake are spread over some requests, so that a fleet does not move at once. */
  readonly random?: () => number;
}

export interface Controller {
  /**
   * Says what an arm costs when nothing else runs; an arm without a cost is never chosen.
   * @param runs that were measured for it; without them the arm's first runs replace it
   */
  setCost(arm: Arm, cost: ArmCost, runs?: number): void;
  cost(arm: Arm): ArmCost | undefined;
  /** @param spreadMs by how much such times vary. @default 0 */
  pushRoundTrip(ms: number, spreadMs?: number): void;
  /** What the gateway says of itself between replies. */
  pushAnnounced(announced: AnnouncedLoad): void;
  observe(observation: Observation, nowMs: number): void;
  /** A request by this arm got no answer in `waitedMs`: whatever the cause, the arm is worth less until it is tried again. */
  observeSilence(arm: Arm, waitedMs: number, nowMs: number): void;
  /** All arms that have a cost, the best first. */
  rank(arms: readonly Arm[], nowMs: number): readonly Prediction[];
  /** `decide` for those who take the arm alone. */
  choose(arms: readonly Arm[], nowMs: number): Arm;
  /**
   * The arm to use now: of those given the best, unless the one in use is nearly as good.
   * @param arms that are allowed: privacy, accuracy, region and memory are the caller's walls, and no other arm is taken
   */
  decide(arms: readonly Arm[], nowMs: number, limits?: DecisionLimits): Decision;
  /** The link, the machines and the queue as they are thought to be. */
  conditions(nowMs: number): Conditions;
}

export interface DecisionLimits {
  /** Arms that are predicted to take longer are left out; where all do, the fastest is taken. */
  readonly deadlineMs?: number | undefined;
}

export function createController(deviceArm: Arm, options: ControllerOptions = {}): Controller {
  const estimate = createEstimate(options);
  const { book } = estimate;
  const { score = latencyScore } = options;
  const inUse = createArmInUse(estimate, options.random);
  const probes = createProbeSchedule();

  function rank(arms: readonly Arm[], nowMs: number): readonly Prediction[] {
    const now = estimate.conditions(nowMs);
    return arms
      .flatMap((arm) => {
        const cost = book.cost(arm.id);
        if (cost === undefined) return [];
        const totalMs = latencyScore(cost, now, arm.kind);
        return [{ arm, totalMs, score: estimate.predict(arm, cost, now) }];
      })
      .sort((a, b) => a.score - b.score);
  }

  function decide(arms: readonly Arm[], nowMs: number, limits: DecisionLimits = {}): Decision {
    const now = estimate.conditions(nowMs);
    const ranked = rank(arms, nowMs);
    const possible = inTime(ranked, limits);
    const best = possible[0];
    if (best === undefined) return { ...UNKNOWN, arm: deviceArm };
    const chosen = inUse.pick(possible, best, now);
    const change = inUse.use(chosen, ranked, { now, nowMs });
    const mayChange = couldWin(ranked, chosen, { now, ...limits });
    const probe = mayChange ? probeOf(ranked, chosen, nowMs) : undefined;
    const patienceMs = patienceOf(probe ?? chosen.arm, now);
    // A probe that takes longer than this has said what it had to say.
    const giveUpMs = probe ? Math.min(patienceMs ?? 0, PROBE_TIMES * chosen.totalMs) : patienceMs;
    return { arm: chosen.arm, totalMs: chosen.totalMs, giveUpAfterMs: giveUpMs, probe, change };
  }

  /**
   * Whether an arm that sends could be the choice on the best of links; where none could, what the link is does not matter. One
   * that was never run could: gateways announce what they took when they started, and may have been busy.
   */
  function couldWin(
    ranked: readonly Prediction[],
    chosen: Prediction,
    { now, deadlineMs = Number.POSITIVE_INFINITY }: DecisionLimits & { readonly now: Conditions },
  ): boolean {
    if (chosen.arm.kind !== 'device') return false;
    const best = onBestLink(now);
    return ranked.some(({ arm }) => {
      const cost = arm.kind === 'split' ? book.leastCost(arm.id) : undefined;
      if (cost === undefined) return false;
      if (book.runs(arm.id) === 0) return true;
      if (score(cost, best, 'split') < chosen.score) return true;
      return chosen.totalMs > deadlineMs && latencyScore(cost, best, 'split') < chosen.totalMs;
    });
  }

  /** Those that keep the deadline; where none does, the one that misses it by least. */
  function inTime(
    ranked: readonly Prediction[],
    { deadlineMs = Number.POSITIVE_INFINITY }: DecisionLimits,
  ): readonly Prediction[] {
    if (deadlineMs === Number.POSITIVE_INFINITY) return ranked;
    const kept = ranked.filter(({ totalMs }) => totalMs <= deadlineMs);
    return kept.length > 0 ? kept : ranked.toSorted((a, b) => a.totalMs - b.totalMs).slice(0, 1);
  }

  function patienceOf(arm: Arm, now: Conditions): number | undefined {
    const [cost, whole] = [book.cost(arm.id), book.cost(DEVICE_ARM.id)];
    if (arm.kind === 'device' || !cost || !whole) return undefined;
    const { headMs, uplinkMs, queueMs, tailMs, downlinkMs } = predictStages(cost, now);
    const restMs = Math.max(0, whole.headMs * now.deviceSlowdown - headMs);
    return giveUpAfterMs(uplinkMs + queueMs + tailMs + downlinkMs, restMs);
  }

  function probeOf(ranked: readonly Prediction[], chosen: Prediction, nowMs: number): SplitArm | undefined {
    const rival = ranked.find(({ arm }) => arm.kind === 'split');
    if (chosen.arm.kind !== 'device' || !rival) return undefined;
    const probe = cheapestProbe(ranked, (id) => book.cost(id));
    if (!probe) return undefined;
    const isDue = probes.isDue({
      nowMs,
      learntAtMs: estimate.linkLearntAtMs(),
      aloneSinceMs: inUse.sinceMs,
      costMs: probe.encodeMs * estimate.conditions(nowMs).deviceSlowdown,
      ratio: rival.score / chosen.score,
    });
    return isDue ? probe.arm : undefined;
  }

  return {
    setCost: (arm, cost, runs) => book.set(arm, cost, runs),
    cost: (arm) => book.cost(arm.id),
    pushRoundTrip: (ms, spreadMs) => estimate.pushRoundTrip(ms, spreadMs),
    pushAnnounced: (announced) => estimate.pushAnnounced(announced),
    observe(observation, nowMs) {
      inUse.heard(observation.arm, false);
      estimate.observe(observation, nowMs);
    },
    observeSilence(arm, waitedMs, nowMs) {
      inUse.heard(arm, true);
      estimate.observeSilence(arm, waitedMs, nowMs);
    },
    rank,
    choose: (arms, nowMs) => decide(arms, nowMs).arm,
    decide,
    conditions: estimate.conditions,
  };
}

/** Of the device's own time. */
const PROBE_TIMES = 4;

const UNKNOWN = { totalMs: undefined, giveUpAfterMs: undefined, probe: undefined, change: undefined };
