/** Plans a run over a pool of named values: which feeds travel, what each step takes and must give. */
import { SplitError } from '../errors.ts';
import type { TensorInfo } from '../tensor.ts';
import type { Feeds } from './feeds.ts';

/** A model as its runtime numbers it, with the names that it takes and gives. */
export interface PlannedModel {
  readonly model: number;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
}

export interface RunStep {
  readonly model: number;
  readonly takes: readonly string[];
  /** Only what a later step takes or the caller fetches: the rest is never copied out of the runtime. */
  readonly gives: readonly string[];
}

export interface RunPlan {
  readonly steps: readonly RunStep[];
  /** Feeds that some step takes. */
  readonly feeds: readonly string[];
  /** Fetches that some step makes; the last one to make a name wins. */
  readonly made: readonly string[];
  /** Fetches that are the caller's own feeds. */
  readonly fed: readonly string[];
}

/** @throws SplitError `runtime-failed` when an input or a fetch is neither fed nor made before it is needed */
export function planRun(models: readonly PlannedModel[], feeds: Feeds, fetches: readonly string[]): RunPlan {
  const made = new Set<string>();
  const feedsTaken = new Set<string>();
  const takes = models.map(({ inputs, outputs }, index) => {
    const names = inputs.map((input) => input.name);
    for (const name of names) {
      if (made.has(name)) continue;
      if (!Object.hasOwn(feeds, name))
        throw missing(`input "${name}" of model ${index + 1} of ${models.length}`);
      feedsTaken.add(name);
    }
    for (const output of outputs) made.add(output.name);
    return names;
  });
  for (const name of fetches) {
    if (!made.has(name) && !Object.hasOwn(feeds, name)) throw missing(`fetch "${name}"`);
  }
  return {
    steps: giveOnlyWhatIsWanted(models, takes, fetches),
    feeds: [...feedsTaken],
    made: fetches.filter((name) => made.has(name)),
    fed: fetches.filter((name) => !made.has(name)),
  };
}

function giveOnlyWhatIsWanted(
  models: readonly PlannedModel[],
  takes: readonly (readonly string[])[],
  fetches: readonly string[],
): RunStep[] {
  const wanted = new Set(fetches);
  const steps: RunStep[] = [];
  for (const [index, { model, outputs }] of [...models.entries()].reverse()) {
    const taken = takes[index] ?? [];
    const gives = outputs.map((output) => output.name).filter((name) => wanted.has(name));
    steps.unshift({ model, takes: taken, gives });
    for (const name of taken) wanted.add(name);
  }
  return steps;
}

function missing(what: string): SplitError {
  return new SplitError('runtime-failed', `${what} is neither fed nor made by an earlier model`);
}
