/** Separate sessions: one for each part of the model that is asked for, none cut finer than need be. */
import type { Cut } from '../../cut/cut.ts';
import { SplitError } from '../../errors.ts';
import type { GraphOptimization, LoadedModel, Runtime } from '../runtime.ts';
import type { Executor, ExecutorRequest, ExecutorResult } from './executor.ts';
import { apportion, checkCuts, findPart, type Part } from './part.ts';

export interface SeparateOptions {
  readonly runtime: Runtime;
  readonly cuts: readonly Cut[];
  /** The nodes of a part as a model, with some of its inner values among the outputs. */
  readonly modelOf: (part: Part, alsoOutputs: readonly string[]) => Uint8Array;
  /** Values that leave each segment: what a request may fetch. */
  readonly outputs: readonly (readonly string[])[];
  /** Nodes of each segment: how the time of a run is parted among them. */
  readonly nodeCounts: readonly number[];
  /** Where the original model's files lie. */
  readonly directory?: string | undefined;
  /** @default 'all' */
  readonly optimization?: GraphOptimization | undefined;
}

/** A session is loaded when its part is first asked for, and stays. Weights are held once for each that has them. */
export function createSeparate(options: SeparateOptions): Executor {
  const { runtime } = options;
  const cuts = checkCuts(options.cuts, options.outputs.length);
  const sessions = new Map<string, Promise<LoadedModel>>();
  let closing: Promise<void> | undefined;

  function load(part: Part, inner: readonly string[]): Promise<LoadedModel> {
    const key = JSON.stringify([part.first, part.end, ...inner]);
    const held = sessions.get(key) ?? loadPart(options, part, inner);
    sessions.set(key, held);
    // What failed to load is tried again.
    held.catch(() => sessions.delete(key));
    return held;
  }

  async function run(request: ExecutorRequest): Promise<ExecutorResult> {
    if (closing !== undefined) throw new SplitError('closed', 'the executor was closed');
    const part = findPart(cuts, request);
    const { feeds, fetches, signal } = request;
    const models = part.first === part.end ? [] : [await load(part, innerFetches(options, part, fetches))];
    const { values, stepMs } = await runtime.run({ models, feeds, fetches, ...(signal && { signal }) });
    const isPart = (segment: number) => segment >= part.first && segment < part.end;
    const segmentMs = apportion(stepMs[0] ?? 0, options.nodeCounts, isPart).slice(part.first, part.end);
    return { values, segmentMs };
  }

  function close(): Promise<void> {
    closing ??= releaseAll(sessions);
    return closing;
  }

  return {
    cuts,
    description: `separate sessions of ${cuts.length + 1} segments, ${runtime.description}`,
    run,
    close,
  };
}

/** Fetches that leave a segment before the part's last, sorted so that the same ones share a session. */
function innerFetches(
  { outputs }: SeparateOptions,
  { first, end }: Part,
  fetches: readonly string[],
): string[] {
  const inner = new Set(outputs.slice(first, end - 1).flat());
  return fetches.filter((name) => inner.has(name)).sort();
}

function loadPart(
  { runtime, modelOf, directory, optimization }: SeparateOptions,
  part: Part,
  inner: readonly string[],
): Promise<LoadedModel> {
  return runtime.load({
    bytes: modelOf(part, inner),
    ...(directory !== undefined && { directory }),
    ...(optimization && { optimization }),
  });
}

async function releaseAll(sessions: ReadonlyMap<string, Promise<LoadedModel>>): Promise<void> {
  const loaded = await Promise.allSettled(sessions.values());
  await Promise.all(loaded.map((held) => (held.status === 'fulfilled' ? held.value.release() : undefined)));
}
