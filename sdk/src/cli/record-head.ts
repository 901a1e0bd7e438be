/** Recordings for the trial of a head: what the whole model makes at the head's end, which the head must make too. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MODEL_PART } from '../bundle/manifest.ts';
import { SplitError } from '../errors.ts';
import type { LoadedModel, Runtime } from '../runtime/runtime.ts';
import type { SplitModel } from '../session/open-model.ts';
import { createProbe, loadWithOutputs } from '../session/probe.ts';
import { sampleFeeds } from '../session/sample-feeds.ts';
import { fileSource } from '../source/file.ts';
import type { TensorInfo, Tensors } from '../tensor.ts';
import { compareOutputs } from '../verify/compare.ts';
import { encodeNpy } from '../verify/npy.ts';
import { readTensorFile } from './read-feeds.ts';

export interface RecordHeadOptions {
  /** The whole model. */
  readonly model: SplitModel;
  readonly runtime: Runtime;
  /** Of the whole model; the inputs of its own recordings are used. */
  readonly folder: string;
  /** Of the head. */
  readonly out: string;
}

/** Other orders of the same sums come this far apart. */
const TOLERANCE = 1e-3;

/** @returns how many there are @throws SplitError `runtime-failed` where the head differs from the whole model */
export async function recordHead({ model, runtime, folder, out }: RecordHeadOptions): Promise<number> {
  const sets = await inputSets(folder, model);
  const head = await loadHead(runtime, out);
  const names = head.outputs.map(({ name }) => name);
  const { inputs, source } = model;
  const whole = await loadWithOutputs(createProbe(model.graph, { source, runtime, inputs }), names);
  try {
    for (const [index, feeds] of sets.entries()) {
      const expected = await runtime.run({ models: [whole], feeds, fetches: names });
      const own = pick(feeds, head.inputs);
      const made = await runtime.run({ models: [head], feeds: own, fetches: names });
      const { relative, output } = compareOutputs(made.values, expected.values, names);
      if (relative > TOLERANCE)
        throw new SplitError(
          'runtime-failed',
          `the head's '${output}' differs by ${relative.toPrecision(2)} from the model's; the limit is ${TOLERANCE}`,
        );
      await write(join(out, 'trial', String(index)), {
        input: head.inputs.map(({ name }) => own[name]),
        output: names.map((name) => expected.values[name]),
      });
    }
    return sets.length;
  } finally {
    await Promise.all([head.release(), whole.release()]);
  }
}

async function loadHead(runtime: Runtime, out: string): Promise<LoadedModel> {
  return runtime.load({
    bytes: await readFile(join(out, MODEL_PART)),
    directory: fileSource(join(out, MODEL_PART)).directory ?? out,
  });
}

/** Those of the whole model's own recordings; without any, numbers of our making where all shapes but the batch are fixed. */
async function inputSets(folder: string, { inputs, inputShapes }: SplitModel): Promise<readonly Tensors[]> {
  const recordings = (await readdir(join(folder, 'trial')).catch(() => [])).sort();
  const recorded = recordings.map(async (name) => {
    const path = (index: number) => join(folder, 'trial', name, `input-${index}.npy`);
    const tensors = inputs.map(
      async (input, index) => [input.name, await readTensorFile(path(index))] as const,
    );
    return Object.fromEntries(await Promise.all(tensors));
  });
  if (recordings.length > 0) return Promise.all(recorded);
  const made = sampleFeeds(inputs, inputShapes);
  return made ? [made] : [];
}

function pick(feeds: Tensors, infos: readonly TensorInfo[]): Tensors {
  return Object.fromEntries(infos.flatMap(({ name }) => (feeds[name] ? [[name, feeds[name]]] : [])));
}

async function write(
  place: string,
  kinds: Readonly<Record<'input' | 'output', readonly (Tensors[string] | undefined)[]>>,
): Promise<void> {
  await mkdir(place, { recursive: true });
  for (const [kind, tensors] of Object.entries(kinds))
    for (const [index, tensor] of tensors.entries())
      if (tensor) await writeFile(join(place, `${kind}-${index}.npy`), encodeNpy(tensor));
}
