/** The executor of a model of which only the head is here: it ends at the deepest cut, and runs nothing behind it. */
import type { Cut } from '../cut/cut.ts';
import { deepestCut, type HeadNote } from '../cut/head-note.ts';
import { SplitError } from '../errors.ts';
import type { Executor, ExecutorRequest } from '../runtime/executor/executor.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { type OpenExecutorOptions, openExecutor } from './open-executor.ts';
import type { SplitModel } from './open-model.ts';

/** A model whose tail's weights are elsewhere. */
export type HeadOfModel = SplitModel & { readonly head: HeadNote };

/**
 * @param cuts of the head, by ascending position; the deepest is always one of the executor's
 * @throws SplitError as openExecutor
 */
export async function openHeadExecutor(
  model: HeadOfModel,
  cuts: readonly Cut[],
  runtime: Runtime,
  options: OpenExecutorOptions,
): Promise<Executor> {
  const deepest = model.cuts.at(-1) ?? deepestCut(model.head);
  const isDeepest = (cut: Cut) => cut.id === deepest.id;
  const inner = cuts.filter((cut) => !isDeepest(cut));
  // By itself the head is a whole model, which ends where the deepest cut is.
  const executor = await openExecutor(asWhole(model), inner, runtime, options);

  async function run(request: ExecutorRequest) {
    const { to, from } = request;
    if (to === undefined || (from && isDeepest(from))) throw behind(deepest);
    return executor.run(isDeepest(to) ? { ...request, to: undefined } : request);
  }

  return {
    cuts: [...inner, deepest],
    description: `head to ${deepest.name}: ${executor.description}`,
    run,
    canQuantise: (cut) => !isDeepest(cut) && executor.canQuantise?.(cut) === true,
    close: executor.close,
  };
}

function asWhole(model: HeadOfModel): SplitModel {
  const { graph, types } = model;
  const known = ({ name }: { readonly name: string }) => types.get(name) ?? [];
  return { ...model, inputs: graph.inputs.flatMap(known), outputs: graph.outputs.flatMap(known) };
}

function behind({ id, name }: Cut): SplitError {
  return new SplitError(
    'cut-invalid',
    `the device holds the head up to cut ${id} (${name}); the weights behind it are at gateways`,
  );
}
