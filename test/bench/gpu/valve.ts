/**
 * The valve graph against separate sessions on any execution provider, for a host with a graphics processor:
 *   node test/bench/gpu/valve.ts PROVIDER [ONNXRUNTIME] [ROUNDS]
 * PROVIDER is cpu, cuda or webgpu; ONNXRUNTIME is the absolute path of onnxruntime-node's main file (dist/index.js)
 * where it is not installed here. ResNet-50 with random weights, level `all`, one row each, four cuts; prints one JSON
 * object to stdout: milliseconds as medians, taken in turns, as the thread that runs the model measures them.
 * Needs Node 24, onnxruntime-node and @noble/hashes, and no network.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cut } from '../../../sdk/src/cut/cut.ts';
import type {
  Executor,
  ExecutorRequest,
  ExecutorResult,
} from '../../../sdk/src/runtime/executor/executor.ts';
import { createOrtNode } from '../../../sdk/src/runtime/ort-node.ts';
import { openExecutor } from '../../../sdk/src/session/open-executor.ts';
import { openModel, type SplitModel } from '../../../sdk/src/session/open-model.ts';
import { probeRows } from '../../../sdk/src/session/probe-rows.ts';
import { fileSource } from '../../../sdk/src/source/file.ts';
import type { Tensors } from '../../../sdk/src/tensor.ts';
import { randomNumbers, randomTensor } from '../../support/models/random-weights.ts';
import { resnet50 } from '../../support/models/resnet50.ts';
import { relativeError } from '../../support/split-runs.ts';
import { evenCuts } from '../split/cuts.ts';
import { SHAPE } from '../split/plain.ts';
import { interleaveAll, median } from '../statistics.ts';

const [provider = 'cpu', modulePath = '', rounds = '15'] = process.argv.slice(2);
const WARM_UP = 5;
const CUTS = 4;
const ROWS_PER_CUT = 2;

const folder = mkdtempSync(join(tmpdir(), 'cutpoint-gpu-'));
try {
  const path = join(folder, 'resnet50.onnx');
  writeFileSync(path, resnet50());
  console.log(JSON.stringify(await measure(path), undefined, 1));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);

async function measure(path: string) {
  const runtime = await createOrtNode({ provider, ...(modulePath && { modulePath }) });
  const model = await openModel(fileSource(path), runtime, { inputShapes: { input: SHAPE } });
  const cuts = evenCuts(model, CUTS + 1);
  const startMs = performance.now();
  const valve = await openExecutor(model, cuts, runtime, { kind: 'valve', rowProbe: probeRows });
  const loadMs = performance.now() - startMs;
  const separate = await openExecutor(model, cuts, runtime, { kind: 'separate' });
  const parts = await partsOf(model, valve);
  const rows = [];
  for (const [name, request] of Object.entries(parts))
    rows.push(await compare(name, request, { valve, separate }));
  const mixed = await measureMixed(parts, { valve, separate });
  const chosen = await openExecutor(model, cuts, runtime, { rowProbe: probeRows });
  const report = { chosenByAuto: chosen.report.kind, reason: chosen.report.reason };
  await runtime.close();
  const { description } = runtime;
  return {
    runtime: description,
    rounds: Number(rounds),
    cuts: cuts.map(describe),
    valveLoadMs: loadMs,
    rowsFound: valve.report.rows,
    ...report,
    parts: rows,
    mixed,
  };
}

/** The whole model, and head and tail at every cut, of one row. */
async function partsOf(model: SplitModel, valve: Executor): Promise<Record<string, ExecutorRequest>> {
  const feeds: Tensors = { input: randomTensor(randomNumbers(1), SHAPE) };
  const fetches = model.outputs.map(({ name }) => name);
  const parts: Record<string, ExecutorRequest> = { whole: { feeds, fetches } };
  for (const [index, cut] of valve.cuts.entries()) {
    const head = { to: cut, feeds, fetches: cut.tensors.map(({ name }) => name) };
    parts[`head${index + 1}`] = head;
    parts[`tail${index + 1}`] = { from: cut, feeds: (await valve.run(head)).values, fetches };
  }
  return parts;
}

interface Pair {
  readonly valve: Executor;
  readonly separate: Executor;
}

async function compare(name: string, request: ExecutorRequest, { valve, separate }: Pair) {
  const [own, other] = [await valve.run(request), await separate.run(request)];
  const difference = Math.max(
    ...request.fetches.map((fetch) => relativeError(own.values[fetch], other.values[fetch])),
  );
  const variants = {
    valve: async () => total(await valve.run(request)),
    separate: async () => total(await separate.run(request)),
  };
  await interleaveAll(variants, WARM_UP);
  const times = await interleaveAll(variants, Number(rounds));
  const extraMs = median(times.valve.map((ms, i) => ms - (times.separate[i] ?? Number.NaN)));
  return { name, valveMs: median(times.valve), separateMs: median(times.separate), extraMs, difference };
}

/** Two rows at each of four cuts: together in the valve, one after the other in sessions of their own. */
async function measureMixed(parts: Record<string, ExecutorRequest>, { valve, separate }: Pair) {
  const tails = Object.entries(parts).filter(([name]) => name.startsWith('tail'));
  const requests = tails.flatMap(([, request]) => Array<ExecutorRequest>(ROWS_PER_CUT).fill(request));
  const together = () => Promise.all(valve.runBatch?.(requests) ?? []);
  const apart = async () => {
    const results: ExecutorResult[] = [];
    for (const request of requests) results.push(await separate.run(request));
    return results;
  };
  const [own, other] = [await together(), await apart()];
  const difference = Math.max(
    ...own.map(({ values }, i) => relativeError(values.output, other[i]?.values.output)),
  );
  const variants = {
    // All requests share one run: the first has all of its segments.
    together: async () => total((await together())[0]),
    apart: async () => (await apart()).reduce((sum, result) => sum + total(result), 0),
  };
  await interleaveAll(variants, WARM_UP);
  const times = await interleaveAll(variants, Number(rounds));
  const ratio = median(times.together.map((ms, i) => ms / (times.apart[i] ?? Number.NaN)));
  return {
    requests: requests.length,
    togetherMs: median(times.together),
    apartMs: median(times.apart),
    ratio,
    difference,
  };
}

function total(result: ExecutorResult | undefined): number {
  return result?.segmentMs.reduce((sum, ms) => sum + ms, 0) ?? Number.NaN;
}

function describe({ position, name, bytes }: Cut) {
  return { position, name, bytes };
}
