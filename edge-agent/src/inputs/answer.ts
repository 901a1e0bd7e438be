/** One request of an input that is no HTTP: run, and the result as JSON, with the best class where there is one. */
import { readFile } from 'node:fs/promises';
import { asSplitError } from '@cutpoint/sdk';
import { type InferBody, writeInferResponse } from '@cutpoint/sdk/oip';
import { infer } from '../api/infer.ts';
import { storageError } from '../disk/node-disk.ts';
import type { ModelHost } from '../models/model-host.ts';
import { summaryOf } from '../results/summary.ts';

export interface AnswerOptions {
  readonly host: ModelHost;
  readonly body: InferBody;
  readonly signal: AbortSignal;
  readonly labels: readonly string[];
  readonly nowMs: number;
}

/** @returns the text of a JSON object: a reply of the Open Inference Protocol, `at`, and `summary` @throws SplitError */
export async function answer({ host, body, signal, labels, nowMs }: AnswerOptions): Promise<string> {
  const response = await infer({ host, body, signal });
  const outputs = response.outputs.map(({ name }) => ({ name, isBinary: false }));
  const text = Buffer.from(writeInferResponse({ ...response, outputs }).body).toString('utf8');
  const summary = summaryOf(response.values[outputs[0]?.name ?? ''], labels);
  const own = JSON.stringify({ at: new Date(nowMs).toISOString(), ...(summary && { summary }) });
  return `${own.slice(0, -1)},${text.slice(1)}`;
}

export function failureOf(error: unknown, more: object): string {
  const { code, message } = asSplitError(error);
  return JSON.stringify({ ...more, error: `${code}: ${message}` });
}

/** One label a line. @throws SplitError `storage-failed` for a file that cannot be read */
export async function readLabels(path: string | undefined): Promise<readonly string[]> {
  if (path === undefined) return [];
  const text = await readFile(path, 'utf8').catch((cause) => Promise.reject(storageError(path, cause)));
  return text.split('\n').map((line) => line.trim());
}
