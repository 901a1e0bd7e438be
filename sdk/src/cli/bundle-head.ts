/**
 * A bundle for devices that hold the head of a model alone: cut out of the folder of the whole model, run against it, and
 * recorded for the trial that a device makes of it.
 */
import { copyFile, mkdir, open, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { MODEL_PART } from '../bundle/manifest.ts';
import { candidateCuts, offeredCuts } from '../cut/candidates.ts';
import type { Cut } from '../cut/cut.ts';
import { headModel, type Stretch } from '../cut/head-model.ts';
import { type HeadNote, headNote } from '../cut/head-note.ts';
import { SplitError } from '../errors.ts';
import { createOrtNode } from '../runtime/ort-node.ts';
import { type InputShapes, openModel, type SplitModel } from '../session/open-model.ts';
import { fileSource } from '../source/file.ts';
import { recordHead } from './record-head.ts';

/** What belongs to a version and holds no weights. */
const COMPANIONS = ['plan.json', 'calibration.json', 'policy.yaml', 'cutpoint.json'];
const WEIGHTS_FILE = 'weights.bin';
const MAX_COPY_BYTES = 1 << 20;

const settingsSchema = z.object({
  inputs: z.record(z.string(), z.array(z.int().min(1))).optional(),
  cuts: z.array(z.string()).optional(),
});

export interface WrittenHead {
  /** Where it ends. */
  readonly deepest: Cut;
  /** How many recordings the trial has; 0 where an input's shape is open and the folder has none. */
  readonly recordings: number;
  /** Whether a gateway that serves the folder offers that cut by itself. */
  readonly isOffered: boolean;
}

/**
 * @param folder of the whole model. @param out an empty one
 * @param cut id or name of the deepest cut that devices may use
 * @throws SplitError `cut-invalid`, `model-invalid`, `runtime-failed` where the head differs from the model
 */
export async function writeHead(folder: string, out: string, cut: string): Promise<WrittenHead> {
  const runtime = await createOrtNode({ threads: 1 });
  try {
    const { inputs: inputShapes = {}, cuts: alsoCuts = [] } = await readSettings(folder);
    const model = await openModel(fileSource(join(folder, MODEL_PART)), runtime, { inputShapes });
    const deepest = findCut(model, cut);
    const note = headNote(model, deepest, alsoCuts);
    await writeModel({ model, note, folder, out });
    await copyCompanions(folder, out);
    const recordings = await recordHead({ model, runtime, folder, out });
    return { deepest, recordings, isOffered: note.candidates.includes(deepest.id) };
  } finally {
    await runtime.close();
  }
}

async function readSettings(folder: string): Promise<{ inputs?: InputShapes; cuts?: readonly string[] }> {
  const path = join(folder, 'cutpoint.json');
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return {};
  try {
    const { inputs, cuts } = settingsSchema.parse(JSON.parse(text));
    return { ...(inputs && { inputs }), ...(cuts && { cuts }) };
  } catch (cause) {
    throw new SplitError('options-invalid', `${path} cannot be read: ${String(cause)}`, { cause });
  }
}

function findCut({ cuts, graph }: SplitModel, wanted: string): Cut {
  const offered = offeredCuts(cuts, graph);
  const found = offered.filter(({ id, name }) => id === wanted || name === wanted);
  if (found[0] && found.length === 1) return found[0];
  const some = candidateCuts(cuts, graph).map(({ id, name }) => `${id} (${name})`);
  const what = found.length > 1 ? `names ${found.length} cuts` : 'names no cut that can be offered';
  throw new SplitError('cut-invalid', `'${wanted}' ${what}; among others there are ${some.join(', ')}`);
}

interface HeadJob {
  readonly model: SplitModel;
  readonly note: HeadNote;
  readonly folder: string;
  readonly out: string;
}

async function writeModel({ model, note, folder, out }: HeadJob): Promise<void> {
  const { bytes, weights } = headModel(model.graph, { types: model.types, weightsFile: WEIGHTS_FILE, note });
  await mkdir(out, { recursive: true });
  await writeFile(join(out, MODEL_PART), bytes);
  if (weights.length > 0) await gather(weights, folder, join(out, WEIGHTS_FILE));
}

/** Copies stretch after stretch: a head may have more bytes than memory holds. */
async function gather(weights: readonly Stretch[], folder: string, path: string): Promise<void> {
  const target = await open(path, 'w');
  try {
    for (const { location, offset, length } of weights) {
      const source = await open(join(folder, location));
      try {
        await copyRange(source, target, { offset, length, location });
      } finally {
        await source.close();
      }
    }
  } finally {
    await target.close();
  }
}

type Handle = Awaited<ReturnType<typeof open>>;

async function copyRange(
  source: Handle,
  target: Handle,
  { offset, length, location }: Stretch,
): Promise<void> {
  const buffer = new Uint8Array(Math.min(length, MAX_COPY_BYTES));
  for (let done = 0; done < length; ) {
    const wanted = Math.min(buffer.length, length - done);
    const { bytesRead } = await source.read(buffer, 0, wanted, offset + done);
    if (bytesRead === 0)
      throw new SplitError(
        'model-invalid',
        `${location} ends before byte ${offset + length}, which the model names`,
      );
    await target.write(buffer, 0, bytesRead);
    done += bytesRead;
  }
}

async function copyCompanions(folder: string, out: string): Promise<void> {
  for (const name of COMPANIONS) {
    const isThere = await stat(join(folder, name)).then(
      (found) => found.isFile(),
      () => false,
    );
    if (isThere) await copyFile(join(folder, name), join(out, name));
  }
}
