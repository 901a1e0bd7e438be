/** One step of the walk: at one bandwidth, what each arm takes, and what the controller chooses under each rule. */
import type { Trace } from '@cutpoint/sdk/node';
import type { Picture } from './picture.ts';
import { type ModelInput, readText } from './read-text.ts';
import { medianTrace, type Rule, type Station, type StationName } from './station.ts';

export const RULES: readonly Rule[] = ['may-leave', 'stay'];

/** What was chosen for a picture under a rule, and what it read. */
export interface Choice {
  readonly rule: Rule;
  readonly detector: Trace;
  readonly recogniser: Trace;
  readonly text: readonly string[];
}

export interface Step {
  readonly bitsPerSecond: number;
  readonly choices: readonly Choice[];
  /** Median run of every arm that was tried at this bandwidth. */
  readonly arms: Readonly<Record<StationName, readonly Trace[]>>;
}

export interface Stations {
  readonly detector: Station;
  readonly recogniser: Station;
}

const NAMES: readonly StationName[] = ['detector', 'recogniser'];
const MOST_JOBS = 5;
const ROUNDS = 4;
const CUTS_TRIED = 3;
// Cuts that are expected to be this much slower than the best are not tried, but for the best of them.
const NOT_WORTH_TRYING = 2.5;
// An arm that was this much slower than the best so far is not run again: more rounds are for those that are close.
const HOPELESS = 1.3;

export async function measureStep(
  bitsPerSecond: number,
  o: {
    readonly stations: Stations;
    readonly picture: Picture;
    readonly inputs: Readonly<Record<StationName, ModelInput>>;
  },
): Promise<Step> {
  const { stations, picture, inputs } = o;
  for (const station of Object.values(stations) as Station[]) {
    station.clear();
    await settle(station, inputs[station.name]);
    await tryArms(station, inputs[station.name]);
  }
  const choices = [];
  for (const rule of RULES) choices.push(await choose(rule, stations, picture));
  return {
    bitsPerSecond,
    choices,
    arms: { detector: medians(stations.detector), recogniser: medians(stations.recogniser) },
  };
}

/** A few runs as the controller likes: it finds out that the link is another one. */
async function settle(station: Station, input: ModelInput): Promise<void> {
  for (const rule of ['may-leave', 'stay', 'stay'] as const) await station.run(input, { rule });
  station.clear();
}

/** The two ends, the input as it is, the picture, and the cuts that look best here: all measured, none assumed. */
async function tryArms(station: Station, input: ModelInput): Promise<void> {
  const arms = armsToTry(station);
  for (let round = 0; round < ROUNDS; round++) {
    const best = Math.min(...medians(station).map(({ totalMs }) => totalMs));
    for (const arm of arms) {
      const before = medianTrace(station.traces.get(arm) ?? []);
      if (before === undefined || before.totalMs < best * HOPELESS) await station.run(input, { arm });
    }
  }
}

function armsToTry({ session }: Station): readonly string[] {
  const ranked = session.predictions();
  const limitMs = (ranked[0]?.totalMs ?? 0) * NOT_WORTH_TRYING;
  const isInside = ({ arm }: (typeof ranked)[number]) => arm.kind === 'split' && arm.cut.position > 0;
  const inside = ranked.filter(isInside).filter(({ totalMs }, index) => index === 0 || totalMs < limitMs);
  const ends = ranked.filter((candidate) => !isInside(candidate));
  return [...inside.slice(0, CUTS_TRIED), ...ends].map(({ arm }) => arm.id);
}

/** The whole job as an application does it, until the controller chooses the same twice in a row. */
async function choose(rule: Rule, stations: Stations, picture: Picture): Promise<Choice> {
  let last = await runJob(rule, stations, picture);
  for (let job = 1; job < MOST_JOBS; job++) {
    const before = last;
    last = await runJob(rule, stations, picture);
    if (NAMES.every((name) => last[name].arm === before[name].arm)) break;
  }
  const { detector, recogniser } = last;
  return {
    ...last,
    detector: pooled(stations.detector, detector),
    recogniser: pooled(stations.recogniser, recogniser),
  };
}

async function runJob(rule: Rule, { detector, recogniser }: Stations, picture: Picture): Promise<Choice> {
  const chosen: Partial<Record<StationName, Trace>> = {};
  const follow = (station: Station) => async (input: ModelInput) => {
    const { outputs, trace } = await station.run(input, { rule });
    chosen[station.name] = trace;
    return outputs;
  };
  const lines = await readText(picture, { detector: follow(detector), recogniser: follow(recogniser) });
  const text = lines.map((line) => line.text);
  return { rule, ...(chosen as Record<StationName, Trace>), text };
}

/** The chosen arm's median over all its runs in this step, whoever asked for them. */
function pooled(station: Station, chosen: Trace): Trace {
  return medianTrace(station.traces.get(chosen.arm) ?? []) ?? chosen;
}

function medians({ traces }: Station): readonly Trace[] {
  return [...traces.values()].map(medianTrace).filter((trace) => trace !== undefined);
}
