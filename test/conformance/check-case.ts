/** One case: onnxruntime-node alone, then after our read and write, then cut in two at up to 32 places. */
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { closedCuts } from '../../sdk/src/cut/closed-cuts.ts';
import type { Cut } from '../../sdk/src/cut/cut.ts';
import { headOf, prefixHead } from '../../sdk/src/cut/head.ts';
import { segmentBetween } from '../../sdk/src/cut/segments.ts';
import { isSplitError } from '../../sdk/src/errors.ts';
import { type OnnxModel, partsOf, readModel, writeModel } from '../../sdk/src/onnx/model.ts';
import { openModel, type SplitModel } from '../../sdk/src/session/open-model.ts';
import { fileSource } from '../../sdk/src/source/file.ts';
import { directRuntime } from '../support/direct-runtime.ts';
import { modelPath, readValues } from './cases.ts';
import { differenceInBits, differenceOver, ortTensorOf, runOnce, type Values } from './ort-values.ts';

export const STAGES = ['reference', 'rewrite', 'cut'] as const;
export type Stage = (typeof STAGES)[number];

export interface CaseResult {
  readonly name: string;
  readonly result: 'passed' | 'left out' | 'failed';
  /** Cuts at which head and tail were run and compared. */
  readonly cuts: number;
  /** Cuts at which they made something else than the whole. */
  readonly wrong: number;
  /** Why it is left out, or what failed. */
  readonly reason?: string;
}

const TOLERANCE = 2e-3;
const MAX_CUTS = 32;
const RANDOM_OPS = /^(Random|Bernoulli|Multinomial)/;

/** @param enter is told what begins, so that whoever watches knows at which stage a process ended */
export async function checkCase(name: string, enter: (stage: Stage) => void): Promise<CaseResult> {
  enter('reference');
  const reference = await makeReference(name).catch(
    (error: unknown) => `onnxruntime-node itself: ${firstLine(error)}`,
  );
  if (typeof reference === 'string')
    return { name, result: 'left out', cuts: 0, wrong: 0, reason: reference };
  try {
    enter('rewrite');
    await checkRewritten(reference);
    enter('cut');
    return { name, ...(await checkCuts(reference)) };
  } catch (error) {
    return { name, result: 'failed', cuts: 0, wrong: 0, reason: firstLine(error) };
  }
}

interface Reference {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly model: OnnxModel;
  readonly feeds: Values;
  /** What the model as it is makes. */
  readonly outputs: Values;
}

/** Throws for a case that says nothing about us, with the reason as the error's message. */
async function makeReference(name: string): Promise<Reference> {
  const path = modelPath(name);
  const bytes = await readFile(path);
  const model = readModel(bytes);
  const kinds = [...model.graph.inputs, ...model.graph.outputs].map((value) => value.kind);
  if (kinds.includes('other')) throw new Error('takes and gives no sequence or optional');
  if (model.graph.nodes.some(({ opType }) => RANDOM_OPS.test(opType)))
    throw new Error('draws random numbers');
  const feeds = await namedValues(name, 'input', model);
  const expected = await namedValues(name, 'output', model);
  const outputs = await runOnce(bytes, dirname(path), feeds);
  if (firstDifference(await runOnce(bytes, dirname(path), feeds), outputs))
    throw new Error('makes something else on another run');
  for (const [output, value] of expected) {
    const difference = differenceOver(TOLERANCE, outputs.get(output), value);
    if (difference) throw new Error(`misses the reference: ${difference}`);
  }
  return { path, bytes, model, feeds, outputs };
}

async function namedValues(name: string, kind: 'input' | 'output', { graph }: OnnxModel): Promise<Values> {
  const declared = kind === 'input' ? graph.inputs : graph.outputs;
  const values = await readValues(name, kind);
  return new Map(values.map((bytes, i) => [declared[i]?.name ?? '', ortTensorOf(bytes)]));
}

async function checkRewritten({ path, model, feeds, outputs }: Reference): Promise<void> {
  const written = writeModel(model.header, partsOf(model.graph)).toBytes();
  const difference = firstDifference(await runOnce(written, dirname(path), feeds), outputs);
  if (difference) throw new Error(`after read and write ${difference}`);
}

async function checkCuts(reference: Reference): Promise<Omit<CaseResult, 'name'>> {
  const model = await openOrReason(reference.path);
  if (typeof model === 'string') return { result: 'left out', cuts: 0, wrong: 0, reason: model };
  const cuts = chooseCuts(closedCuts(model.graph, model.types, model.digest));
  if (cuts.length === 0) return { result: 'left out', cuts: 0, wrong: 0, reason: 'has no legal cut' };
  const reasons: string[] = [];
  for (const cut of cuts) {
    const difference = await differenceOfCut(model, cut, reference).catch((error: unknown) =>
      firstLine(error),
    );
    if (difference) reasons.push(`cut ${cut.name || cut.position}: ${difference}`);
  }
  const [reason] = reasons;
  if (reason === undefined) return { result: 'passed', cuts: cuts.length, wrong: 0 };
  return { result: 'failed', cuts: cuts.length, wrong: reasons.length, reason };
}

/** A refusal with a typed error of ours is a reason, anything else a failure. */
async function openOrReason(path: string): Promise<SplitModel | string> {
  const runtime = directRuntime();
  try {
    return await openModel(fileSource(path), runtime);
  } catch (error) {
    if (isSplitError(error) && error.code === 'model-invalid') return `refused: ${error.message}`;
    throw error;
  } finally {
    await runtime.close();
  }
}

/** Cuts of the file's order first, evenly over the depth; the rest of 32 are others, evenly again. */
function chooseCuts(cuts: readonly Cut[]): Cut[] {
  const prefixes = spread(
    cuts.filter((cut) => !cut.headNodes),
    MAX_CUTS,
  );
  const others = cuts.filter((cut) => cut.headNodes);
  return [...prefixes, ...spread(others, MAX_CUTS - prefixes.length)];
}

function spread<T>(items: readonly T[], count: number): T[] {
  if (items.length <= count) return [...items];
  const chosen = Array.from(
    { length: count },
    (_, i) => items[Math.round((i * (items.length - 1)) / (count - 1 || 1))],
  );
  return chosen.filter((item) => item !== undefined);
}

/** Only what crosses reaches the tail. */
async function differenceOfCut(
  model: SplitModel,
  cut: Cut,
  reference: Reference,
): Promise<string | undefined> {
  const { graph, types, source } = model;
  const options = { types, ...(source.location !== undefined && { location: source.location }) };
  const [start, middle, end] = [prefixHead(0), headOf(cut), prefixHead(graph.nodes.length)];
  const directory = dirname(reference.path);
  const values = new Map(reference.feeds);
  if (middle.size > 0 || end.size === 0)
    merge(
      values,
      await runOnce(segmentBetween(graph, start, middle, options).bytes, directory, reference.feeds),
    );
  if (middle.size < end.size) {
    const crossing = new Map(
      [...values].filter(([name]) => cut.tensors.some((tensor) => tensor.name === name)),
    );
    merge(values, await runOnce(segmentBetween(graph, middle, end, options).bytes, directory, crossing));
  }
  return firstDifference(values, reference.outputs);
}

function merge(into: Map<string, unknown>, made: Values): void {
  for (const [name, value] of made) into.set(name, value);
}

function firstDifference(actual: Values, expected: Values): string | undefined {
  for (const [name, value] of expected) {
    const difference = differenceInBits(actual.get(name), value);
    if (difference) return `${name} is ${difference}`;
  }
  return undefined;
}

/** Without the place in ONNX Runtime's sources, which fills lines. */
function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const [line = ''] = message.split('\n', 1);
  return line.replace(/\/onnxruntime_src\/\S*\//, '').slice(0, 240);
}
