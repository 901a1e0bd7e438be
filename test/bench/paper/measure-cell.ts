/** One cell of the paper suite: the arms that matter on one link, timed beside the segments that the plan is made of. */
import type { SplitSession } from '@cutpoint/sdk/node';
import type { Link } from '@cutpoint/sdk/testing';
import { predictStages, type StageTimes } from '../../../sdk/src/planner/cost-model.ts';
import { lineAt, msPerByte } from '../../../sdk/src/planner/envelope.ts';
import type { Plan } from '../../../sdk/src/planner/plan-file.ts';
import { NO_STAGES } from '../../../sdk/src/session/trace.ts';
import { median } from '../statistics.ts';
import type { BaselinePicks } from './baseline-picks.ts';
import type { Cell, MeasuredArm } from './cell-figures.ts';
import type { FreshPlans, TimedSides } from './fresh-plan.ts';
import type { PaperInput, PaperNet } from './nets.ts';

export const DOWNLINK_BITS_PER_SECOND = 20e6;
/** Each way. */
export const DELAY_MS = 10;
/** All but the uplink, and the round trip as it would be if machines took no time. */
export const LINK = { roundTripMs: 2 * DELAY_MS, downlinkBitsPerSecond: DOWNLINK_BITS_PER_SECOND };

export interface Probe {
  /** Of one empty message on the idle link. */
  roundTripMs(uplinkBitsPerSecond: number): Promise<number>;
  close(): Promise<void>;
}

/** Made once for each net and device. */
export interface CellTools {
  readonly net: PaperNet;
  readonly input: PaperInput;
  readonly plans: FreshPlans;
  readonly session: SplitSession;
  readonly link: Link;
  readonly probe: Probe;
}

interface WarmedTools extends CellTools {
  /** Arms that have run in this cell. */
  readonly warmArms: Set<string>;
}

export interface PickedCell {
  readonly edgeSlowdown: number;
  readonly uplinkBitsPerSecond: number;
  readonly picks: BaselinePicks;
}

export async function measureCell(tools: CellTools, picked: PickedCell): Promise<Cell> {
  const { edgeSlowdown, uplinkBitsPerSecond } = picked;
  tools.link.set({ uplink: { bitsPerSecond: uplinkBitsPerSecond } });
  await tools.probe.roundTripMs(uplinkBitsPerSecond);
  // What a gateway has not done for a while it does slowly the first time.
  const warmArms = new Set<string>();
  const planOf = (rounds: readonly Round[]): PlannedCell => {
    const roundTripMs = median(rounds.map((round) => round.roundTripMs));
    const profiles = rounds.map(({ profile }) => profile);
    const plan = tools.plans.plan(profiles, { ...LINK, edgeSlowdown, roundTripMs });
    return { plan, predictions: predict(plan, uplinkBitsPerSecond) };
  };
  const first = planOf([await playRound({ ...tools, warmArms }, uplinkBitsPerSecond, [])]);
  const baselineIds = idsOfBaselines(first.plan, picked.picks);
  const best = first.predictions.slice(0, 1 + RUNNERS_UP).map(({ id }) => id);
  const rounds = await playRounds(
    { ...tools, warmArms },
    uplinkBitsPerSecond,
    wantedArms(first, [...best, ...Object.values(baselineIds)]),
  );
  const { predictions } = planOf(rounds);
  const found = predictions.flatMap((prediction) => measuredArm(prediction, rounds));
  const contest = await playContest(tools, contenders(found));
  const arms = found.map((arm) => ({ ...arm, ...contest.get(arm.id) }));
  const cell = { model: tools.net.title, edgeSlowdown, uplinkBitsPerSecond, baselineIds };
  return { ...cell, arms, pickId: arms[0]?.id ?? '' };
}

type Prediction = Pick<MeasuredArm, 'id' | 'name' | 'predictedMs'> & { readonly predicted: StageTimes };

interface PlannedCell {
  readonly plan: Plan;
  /** The best first. */
  readonly predictions: readonly Prediction[];
}

function predict({ arms, link }: Plan, uplinkBitsPerSecond: number): readonly Prediction[] {
  const now = { ...link, uplinkBitsPerSecond, deviceSlowdown: 1, cloudSlowdown: 1 };
  return arms
    .map(({ id, name, kind, line, cost }) => {
      const predicted = kind === 'device' ? { ...NO_STAGES, headMs: cost.headMs } : predictStages(cost, now);
      return { id, name, predictedMs: lineAt(line, msPerByte(uplinkBitsPerSecond)), predicted };
    })
    .toSorted((a, b) => a.predictedMs - b.predictedMs);
}

function idsOfBaselines({ arms }: Plan, picks: BaselinePicks): Readonly<Record<string, string>> {
  const armAt = (place: string) => (place === 'device' ? place : `${place}/float32`);
  return {
    'edge only': 'device',
    'cloud raw': 'input/float32',
    ...(arms.some(({ id }) => id === 'input/image') && { 'cloud JPEG': 'input/image' }),
    Neurosurgeon: armAt(picks.Neurosurgeon),
    DADS: armAt(picks.DADS),
    'fixed mid cut': armAt(picks['fixed mid cut']),
  };
}

/** Besides the best, so many arms that the plan thinks nearly as good. */
const RUNNERS_UP = 3;
const [LEAST_ROUNDS, MOST_ROUNDS] = [3, 7];
/** No round begins after so long, once there are enough. */
const CELL_MS = 20_000;
/** What takes longer is mostly the link's time, which hardly differs: it is run once. */
const LONG_MS = 1500;

interface WantedArm {
  readonly id: string;
  readonly runs: number;
}

function wantedArms({ predictions }: PlannedCell, ids: readonly string[]): readonly WantedArm[] {
  const runsOf = (ms: number) => (ms > LONG_MS ? 1 : MOST_ROUNDS);
  return predictions
    .filter(({ id }) => ids.includes(id))
    .map(({ id, predictedMs }) => ({ id, runs: runsOf(predictedMs) }));
}

interface Round {
  readonly profile: TimedSides;
  readonly roundTripMs: number;
  readonly runs: ReadonlyMap<string, TimedRun>;
}

interface TimedRun {
  readonly totalMs: number;
  readonly stages: StageTimes;
}

async function playRounds(
  tools: WarmedTools,
  uplinkBitsPerSecond: number,
  arms: readonly WantedArm[],
): Promise<readonly Round[]> {
  const startMs = performance.now();
  const rounds: Round[] = [];
  while (rounds.length < MOST_ROUNDS) {
    if (rounds.length >= LEAST_ROUNDS && performance.now() - startMs > CELL_MS) break;
    const due = arms.flatMap(({ id, runs }) => (rounds.length < runs ? [id] : []));
    rounds.push(
      await playRound(tools, uplinkBitsPerSecond, rounds.length % 2 === 0 ? due : due.toReversed()),
    );
  }
  return rounds;
}

/** Every segment once, one empty message, and each arm once; a short one that is new to the cell once more, uncounted. */
async function playRound(
  tools: WarmedTools,
  uplinkBitsPerSecond: number,
  ids: readonly string[],
): Promise<Round> {
  const runs = new Map<string, TimedRun>();
  for (const id of ids) {
    const first = await runArm(tools, id);
    const isCounted = tools.warmArms.has(id) || first.totalMs > LONG_MS;
    tools.warmArms.add(id);
    runs.set(id, isCounted ? first : await runArm(tools, id));
  }
  const roundTripMs = await tools.probe.roundTripMs(uplinkBitsPerSecond);
  return { profile: await tools.plans.time(), roundTripMs, runs };
}

/** Arms that are predicted or were measured to be so near to the best are told apart by more runs. */
const CONTEST_SHARE = 1.05;
const CONTEST_ROUNDS = 16;
const CONTEST_MS = 45_000;

/** Ids; none where one arm is the best by far, or where the link takes most of the time. */
function contenders(arms: readonly MeasuredArm[]): readonly string[] {
  const near = (of: (arm: MeasuredArm) => number) => {
    const limit = CONTEST_SHARE * Math.min(...arms.map(of));
    return arms.filter((arm) => of(arm) <= limit);
  };
  const found = new Set([...near(({ predictedMs }) => predictedMs), ...near(({ measuredMs }) => measuredMs)]);
  const isLong = [...found].some(({ measuredMs }) => measuredMs > LONG_MS);
  return found.size < 2 || isLong ? [] : [...found].map(({ id }) => id);
}

async function playContest(
  tools: CellTools,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Pick<MeasuredArm, 'contestMs'>>> {
  const startMs = performance.now();
  const times = new Map(ids.map((id) => [id, [] as number[]]));
  for (let round = 0; round < CONTEST_ROUNDS && ids.length > 0; round++) {
    if (performance.now() - startMs > CONTEST_MS) break;
    for (const id of round % 2 === 0 ? ids : ids.toReversed())
      times.get(id)?.push((await runArm(tools, id)).totalMs);
  }
  return new Map([...times].map(([id, all]) => [id, { contestMs: median(all) }]));
}

async function runArm({ input, session }: CellTools, id: string): Promise<TimedRun> {
  const images = input.picture && { [input.picture.name]: input.picture.image };
  let stages: StageTimes = NO_STAGES;
  const startMs = performance.now();
  await session.run(input.feeds, {
    arm: sessionArm(session, id),
    onTrace: (trace) => {
      stages = trace;
    },
    ...(images && { images }),
  });
  return { totalMs: performance.now() - startMs, stages };
}

/** A plan calls the arms of the input by that name, a session by the cut before the first node. */
function sessionArm({ arms }: SplitSession, id: string): string {
  const [place, profile] = id.split('/');
  if (place !== 'input') return id;
  const arm = arms.find((one) => one.kind === 'split' && one.cut.position === 0 && one.profile === profile);
  return arm?.id ?? id;
}

/** None for an arm that no round has: the plan made at the end may think others better than those that were run. */
function measuredArm(prediction: Prediction, rounds: readonly Round[]): MeasuredArm[] {
  const runs = rounds.flatMap((round) => round.runs.get(prediction.id) ?? []);
  if (runs.length === 0) return [];
  return [
    { ...prediction, measuredMs: median(runs.map(({ totalMs }) => totalMs)), measured: medianStages(runs) },
  ];
}

/** Each stage's own median: they need not add up to that of the totals. */
function medianStages(runs: readonly TimedRun[]): StageTimes {
  const names = Object.keys(NO_STAGES) as (keyof StageTimes)[];
  const medians = names.map((name) => [name, median(runs.map(({ stages }) => stages[name] ?? 0))]);
  return Object.fromEntries(medians) as unknown as StageTimes;
}
