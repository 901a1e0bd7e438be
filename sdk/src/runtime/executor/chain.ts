/** The chain: a model as consecutive segments, each its own session. Weights exist once; a run stops between segments. */
import type { Cut } from '../../cut/cut.ts';
import { SplitError } from '../../errors.ts';
import type { GraphOptimization, LoadedModel, Runtime } from '../runtime.ts';
import type { Executor, ExecutorRequest, ExecutorResult } from './executor.ts';
import { checkCuts, findPart } from './part.ts';

/** One link: a model whose weights may lie in the original's files. */
export interface ChainSegment {
  readonly bytes: Uint8Array;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

export interface ChainOptions {
  readonly runtime: Runtime;
  /** In the order in which they run. */
  readonly segments: readonly ChainSegment[];
  /** The boundaries between them, by rising position: one fewer than segments. */
  readonly cuts: readonly Cut[];
  /** Where the original model's files lie. */
  readonly directory?: string | undefined;
  /** @default 'all' */
  readonly optimization?: GraphOptimization | undefined;
}

/** @throws SplitError what `runtime.load` throws; then no segment stays loaded */
export async function createChain(options: ChainOptions): Promise<Executor> {
  const { runtime, segments } = options;
  const cuts = checkCuts(options.cuts, segments.length);
  const models = await loadAll(options);
  let closing: Promise<void> | undefined;

  async function run(request: ExecutorRequest): Promise<ExecutorResult> {
    if (closing !== undefined) throw new SplitError('closed', 'the executor was closed');
    const { feeds, fetches, signal } = request;
    const { first, end } = findPart(cuts, request);
    const range = models.slice(first, end);
    const { values, stepMs } = await runtime.run({
      models: range,
      feeds,
      fetches,
      ...(signal && { signal }),
    });
    return { values, segmentMs: stepMs };
  }

  function close(): Promise<void> {
    closing ??= releaseAll(models);
    return closing;
  }

  return { cuts, description: `chain of ${segments.length} segments, ${runtime.description}`, run, close };
}

async function loadAll({ runtime, segments, directory, optimization }: ChainOptions): Promise<LoadedModel[]> {
  const models: LoadedModel[] = [];
  const where = { ...(directory !== undefined && { directory }), ...(optimization && { optimization }) };
  try {
    for (const { bytes } of segments) models.push(await runtime.load({ bytes, ...where }));
  } catch (error) {
    await releaseAll(models);
    throw error;
  }
  return models;
}

async function releaseAll(models: readonly LoadedModel[]): Promise<void> {
  await Promise.all(models.map((model) => model.release()));
}
