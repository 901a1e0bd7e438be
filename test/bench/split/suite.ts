/**
 * What cutting costs: time and bytes of two segments of a 100 MB model, and the chain of segments against the whole
 * model in time and memory. ResNet-50, random weights, 224x224, float32, level `all`.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { candidateCuts } from '../../../sdk/src/cut/candidates.ts';
import type { Cut } from '../../../sdk/src/cut/cut.ts';
import { segmentModel } from '../../../sdk/src/cut/segments.ts';
import { buildGraph } from '../../../sdk/src/onnx/graph.ts';
import { readModel } from '../../../sdk/src/onnx/model.ts';
import { createOrtNode } from '../../../sdk/src/runtime/ort-node.ts';
import type { Runtime } from '../../../sdk/src/runtime/runtime.ts';
import { openChain } from '../../../sdk/src/session/open-chain.ts';
import { openModel, type SplitModel } from '../../../sdk/src/session/open-model.ts';
import { fileSource } from '../../../sdk/src/source/file.ts';
import { randomNumbers, randomTensor } from '../../support/models/random-weights.ts';
import { resnet50 } from '../../support/models/resnet50.ts';
import type { Suite } from '../main.ts';
import { interleave, median } from '../statistics.ts';

const ROUNDS = 15;
const SHAPE = [1, 3, 224, 224];

export const splitSuite: Suite = {
  async run(progress) {
    const folder = mkdtempSync(join(tmpdir(), 'cutpoint-bench-'));
    try {
      const path = join(folder, 'resnet50.onnx');
      writeFileSync(path, resnet50());
      progress('splitting');
      const runtime = await createOrtNode();
      const model = await openModel(fileSource(path), runtime, { inputShapes: { input: SHAPE } });
      const split = await measureSplit(model);
      progress('whole model, chain of 2, chain of 8');
      const times = await measureTimes(model, runtime);
      await runtime.close();
      progress('memory, each in a process of its own');
      const wholeRssMB = peakMegabytes(path, 1);
      const chainK8RssMB = peakMegabytes(path, 8);
      return { ...split, ...times, wholeRssMB, chainK8RssMB };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

/** From the file's bytes to head and tail, at every cut that is offered; types are known, as from a plan. */
async function measureSplit({ model, types, source, cuts, graph }: SplitModel) {
  const { location = '' } = source;
  const last = graph.nodes.length;
  const bytes = await source.read();
  const times: number[] = [];
  let segmentBytesMax = 0;
  for (const { position } of candidateCuts(cuts, graph, { limit: 8 })) {
    for (let round = 0; round < 5; round++) {
      const startMs = performance.now();
      const fresh = buildGraph(readModel(bytes));
      const both = [
        segmentModel(fresh, 0, position, { types, location }),
        segmentModel(fresh, position, last, { types, location }),
      ];
      times.push(performance.now() - startMs);
      segmentBytesMax = Math.max(segmentBytesMax, ...both.map((segment) => segment.bytes.length));
    }
  }
  if (model.graph.nodes.length === 0) throw new Error('the model has no nodes');
  return { splitMs: median(times), segmentBytesMax };
}

/** Totals inside the runtime: the sum of the segments' runs. */
async function measureTimes(model: SplitModel, runtime: Runtime) {
  const whole = await openChain(model, [], runtime);
  const two = await openChain(model, evenCuts(model, 2), runtime);
  const eight = await openChain(model, evenCuts(model, 8), runtime);
  const feeds = { input: randomTensor(randomNumbers(1), SHAPE) };
  const run = (chain: typeof whole) => async () => {
    const { segmentMs } = await chain.run({ feeds, fetches: ['output'] });
    return segmentMs.reduce((total, ms) => total + ms, 0);
  };
  const variants = { wholeMs: run(whole), chainK2Ms: run(two), chainK8Ms: run(eight) };
  await interleave(variants, 3);
  const times = await interleave(variants, ROUNDS);
  await Promise.all([whole, two, eight].map((chain) => chain.close()));
  return times as { wholeMs: number; chainK2Ms: number; chainK8Ms: number };
}

/** Cuts that make `segments` segments of about equal node counts, where one tensor crosses. */
export function evenCuts({ cuts, graph }: SplitModel, segments: number): Cut[] {
  const offered = candidateCuts(cuts, graph, { limit: 1000 }).filter(({ tensors }) => tensors.length === 1);
  return Array.from({ length: segments - 1 }, (_, index) => {
    const wanted = ((index + 1) / segments) * graph.nodes.length;
    return offered.toSorted(
      (a, b) => Math.abs(a.position - wanted) - Math.abs(b.position - wanted),
    )[0] as Cut;
  });
}

function peakMegabytes(path: string, segments: number): number {
  const program = new URL('./memory.ts', import.meta.url).pathname;
  const { stdout, status, stderr } = spawnSync(process.execPath, [program, path, String(segments)], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`the memory run failed: ${stderr}`);
  return Number(stdout.trim());
}
