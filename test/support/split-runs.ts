/** Runs a model whole and in pieces, with nothing between them but what crosses, and compares the results. */
import type { Cut } from '../../sdk/src/cut/cut.ts';
import { type Segment, segmentChain } from '../../sdk/src/cut/segments.ts';
import type { GraphOptimization, Runtime } from '../../sdk/src/runtime/runtime.ts';
import type { SplitModel } from '../../sdk/src/session/open-model.ts';
import { type Tensor, type Tensors, tensorBytes } from '../../sdk/src/tensor.ts';

export interface Run {
  readonly runtime: Runtime;
  readonly model: SplitModel;
  readonly feeds: Tensors;
  /** @default 'all' */
  readonly optimization?: GraphOptimization;
}

/** What an application gets: outputs of the tail, and those that the head made. Only what crosses is handed over. */
export async function runSplit(run: Run, cut: Cut | undefined): Promise<Tensors> {
  if (!cut) throw new Error('no such cut');
  const [head, tail] = segmentChain(run.model.graph, [cut], segmentOptionsOf(run.model));
  if (!head || !tail) throw new Error('not two segments');
  const made = await runSegments(run, [head]);
  const crossing: Record<string, Tensor> = {};
  for (const { name } of cut.tensors) {
    const value = made[name] ?? run.feeds[name];
    if (value) crossing[name] = value;
  }
  return { ...made, ...(await runSegments({ ...run, feeds: crossing }, [tail])) };
}

export async function runSegments(run: Run, segments: readonly Segment[]): Promise<Tensors> {
  const models = [];
  for (const { bytes } of segments) models.push(await load(run, bytes));
  const fetches = segments.flatMap((segment) => segment.outputs);
  const { values } = await run.runtime.run({ models, feeds: run.feeds, fetches });
  for (const loaded of models) await loaded.release();
  return values;
}

/** The model file as it is. */
export async function runWhole(run: Run): Promise<Tensors> {
  const loaded = await load(run, await run.model.source.read());
  const fetches = loaded.outputs.map((output) => output.name);
  const { values } = await run.runtime.run({ models: [loaded], feeds: run.feeds, fetches });
  await loaded.release();
  return values;
}

function load({ runtime, model, optimization = 'all' }: Run, bytes: Uint8Array) {
  const { directory } = model.source;
  return runtime.load({ bytes, optimization, ...(directory && { directory }) });
}

export function segmentOptionsOf({ types, source: { location } }: SplitModel) {
  return { types, ...(location && { location }) };
}

export function isSameBits(actual: Tensor | undefined, expected: Tensor | undefined): boolean {
  if (!actual || !expected) throw new Error('an output is missing');
  const isSameShape = `${actual.dims}` === `${expected.dims}`;
  return isSameShape && Buffer.compare(tensorBytes(actual), tensorBytes(expected)) === 0;
}

/** Largest difference in relation to the largest value. */
export function relativeError(actual: Tensor | undefined, expected: Tensor | undefined): number {
  if (!actual || !expected || `${actual.dims}` !== `${expected.dims}`) return Number.POSITIVE_INFINITY;
  let [difference, scale] = [0, 0];
  for (const [i, value] of expected.data.entries()) {
    difference = Math.max(difference, Math.abs(Number(actual.data[i]) - Number(value)));
    scale = Math.max(scale, Math.abs(Number(value)));
  }
  return difference / scale;
}
