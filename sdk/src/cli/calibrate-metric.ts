/** The metric that `--metric` names: one of ours, or the function that a module of the user's exports. */
import { basename, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { asSplitError, isSplitError, SplitError } from '../errors.ts';
import { L2_METRIC, type Metric, type MetricCase, TOP1_METRIC } from '../profiler/calibrate-metric.ts';

type LossFunction = (cases: readonly MetricCase[]) => unknown;

/** @throws SplitError `options-invalid` for another name, or a module that does not load or exports no function */
export async function readMetric(text: string): Promise<Metric> {
  const own = [L2_METRIC, TOP1_METRIC].find(({ name }) => name === text);
  if (own) return own;
  if (!/\.[cm]?[jt]s$/.test(text))
    throw invalid(`--metric is '${text}'; expected l2, top1, or the path of a module such as metric.js`);
  const loss = await loadFunction(text);
  return { name: basename(text), loss: (cases) => callLoss(text, loss, cases) };
}

async function loadFunction(path: string): Promise<LossFunction> {
  const loaded = await load(path);
  if (typeof loaded.default === 'function') return loaded.default as LossFunction;
  throw invalid(`--metric ${path} has no function as its default export; expected (cases) => loss`);
}

async function load(path: string): Promise<{ readonly default?: unknown }> {
  try {
    return await import(pathToFileURL(resolve(path)).href);
  } catch (cause) {
    throw invalid(`--metric ${path} cannot be loaded: ${firstLine(cause)}`, cause);
  }
}

async function callLoss(
  path: string,
  loss: LossFunction,
  cases: readonly MetricCase[],
): Promise<number | null> {
  const said = await attempt(path, () => loss(cases));
  if (typeof said === 'number' || said === null) return said;
  throw invalid(`--metric ${path} gave ${typeof said}; expected a number, 0 for no loss, or null`);
}

async function attempt(path: string, call: () => unknown): Promise<unknown> {
  try {
    return await call();
  } catch (cause) {
    if (isSplitError(cause)) throw cause;
    throw invalid(`--metric ${path} failed: ${firstLine(cause)}`, cause);
  }
}

function firstLine(cause: unknown): string {
  return asSplitError(cause).message.split('\n')[0] ?? '';
}

function invalid(message: string, cause?: unknown): SplitError {
  return new SplitError('options-invalid', message, { cause });
}
