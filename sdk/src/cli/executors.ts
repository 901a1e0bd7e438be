/** Executors by the names that `--executor` takes. */
import type { Cut } from '../cut/cut.ts';
import { SplitError } from '../errors.ts';
import type { Executor } from '../runtime/executor/executor.ts';
import type { GraphOptimization, Runtime } from '../runtime/runtime.ts';
import { type ExecutorKind, openExecutor } from '../session/open-executor.ts';
import type { SplitModel } from '../session/open-model.ts';
import { probeRows } from '../session/probe-rows.ts';
import type { Tensors } from '../tensor.ts';

export interface ExecutorContext {
  readonly model: SplitModel;
  readonly runtime: Runtime;
  readonly optimization: GraphOptimization;
  /** To find out by which values are rows. */
  readonly feeds: Tensors;
}

const KINDS: readonly ExecutorKind[] = ['chain', 'valve', 'separate'];

/** @throws SplitError `options-invalid` */
export function executorsNamed(name: string): readonly ExecutorKind[] {
  const found = KINDS.filter((kind) => name === 'all' || kind === name);
  if (found.length > 0) return found;
  throw new SplitError('options-invalid', `--executor ${name} is not one of ${KINDS.join(', ')}, all`);
}

export function openNamed(
  kind: ExecutorKind,
  { model, runtime, ...options }: ExecutorContext,
  cuts: readonly Cut[],
): Promise<Executor> {
  return openExecutor(model, cuts, runtime, { kind, rowProbe: probeRows, ...options });
}
