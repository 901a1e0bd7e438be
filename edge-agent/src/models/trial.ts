/**
 * A version's trial before it is used: recorded inputs, and whether it gives the recorded outputs. Recordings are parts of
 * the bundle: `trial/0/input-0.npy`, `trial/0/output-0.npy`, numbered as the model's own inputs and outputs are.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SplitError, type Tensor, type Tensors } from '@cutpoint/sdk';
import { compareOutputs, decodeNpy, sampleFeeds } from '@cutpoint/sdk/gateway';
import type { SplitSession } from '@cutpoint/sdk/node';

export interface TrialResult {
  /** Recordings that were played; 0 where the bundle has none, and then only that the model runs is known. */
  readonly recordings: number;
}

/**
 * All runs are on the device alone, whatever the model's policy; of a head they end at its deepest cut, and so do its
 * recordings. @throws SplitError `bundle-invalid`, `runtime-failed`
 */
export async function runTrial(
  session: SplitSession,
  folder: string,
  tolerance: number,
): Promise<TrialResult> {
  const recordings = (await readdir(join(folder, 'trial')).catch(() => [])).sort();
  for (const name of recordings) await play(session, join(folder, 'trial', name), tolerance);
  if (recordings.length === 0) await runOnce(session);
  return { recordings: recordings.length };
}

async function play(session: SplitSession, folder: string, tolerance: number): Promise<void> {
  const { inputNames, outputNames } = session.head ?? session;
  const feeds = await readTensors(folder, 'input', inputNames);
  const expected = await readTensors(folder, 'output', outputNames);
  const { relative, output } = compareOutputs(await runHere(session, feeds), expected, outputNames);
  if (relative <= tolerance) return;
  throw new SplitError(
    'bundle-invalid',
    `the trial's output '${output}' differs by ${relative.toPrecision(2)} from ${folder}; the limit is ${tolerance}`,
  );
}

async function runHere(session: SplitSession, feeds: Tensors): Promise<Tensors> {
  if (session.head) return session.head.run(feeds);
  return (await session.run(feeds, { arm: 'device' })) as unknown as Tensors;
}

async function readTensors(
  folder: string,
  kind: 'input' | 'output',
  names: readonly string[],
): Promise<Record<string, Tensor>> {
  const entries = names.map(async (name, index) => {
    const path = join(folder, `${kind}-${index}.npy`);
    const bytes = await readFile(path).catch((cause) => {
      throw new SplitError('bundle-invalid', `the trial has no ${path}, for ${kind} '${name}'`, { cause });
    });
    return [name, decodeNpy(bytes)] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

/** With made-up inputs, where all shapes but the batch are fixed. */
async function runOnce(session: SplitSession): Promise<void> {
  const feeds = sampleFeeds(session.inputMetadata, {});
  if (feeds !== undefined) await runHere(session, feeds);
}
