/**
 * What cutting costs: time and bytes of two segments of a 100 MB model, and the valve graph and the chain of segments
 * against a plain session in time and memory. ResNet-50, random weights, 224x224, float32, level `all`.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { candidateCuts } from '../../../sdk/src/cut/candidates.ts';
import { segmentChain, segmentModel } from '../../../sdk/src/cut/segments.ts';
import { valveGraph } from '../../../sdk/src/cut/valve-graph.ts';
import { buildGraph } from '../../../sdk/src/onnx/graph.ts';
import { readModel } from '../../../sdk/src/onnx/model.ts';
import { createOrtNode } from '../../../sdk/src/runtime/ort-node.ts';
import type { Runtime } from '../../../sdk/src/runtime/runtime.ts';
import { openModel, type SplitModel } from '../../../sdk/src/session/open-model.ts';
import { probeRows } from '../../../sdk/src/session/probe-rows.ts';
import { fileSource } from '../../../sdk/src/source/file.ts';
import { resnet50 } from '../../support/models/resnet50.ts';
import type { Suite } from '../main.ts';
import { median } from '../statistics.ts';
import { cutsFor } from './cuts.ts';
import { PLAIN_OPTIONS, SHAPE } from './plain.ts';
import { measureTimes } from './times.ts';

const MEMORY_RUNS = 3;

export const splitSuite: Suite = {
  async run(progress) {
    const folder = mkdtempSync(join(tmpdir(), 'cutpoint-bench-'));
    try {
      const path = join(folder, 'resnet50.onnx');
      writeFileSync(path, resnet50());
      progress('splitting');
      const runtime = await createOrtNode({ threads: PLAIN_OPTIONS.intraOpNumThreads });
      const model = await openModel(fileSource(path), runtime, { inputShapes: { input: SHAPE } });
      const split = await measureSplit(model);
      const graphs = await writeGraphs(model, runtime, folder);
      progress('plain session, chain of 2, chain of 8, valve');
      const times = await measureTimes(path, model, runtime);
      await runtime.close();
      progress('memory, each in a process of its own');
      return { ...split, valveFileBytes: graphs.valveFileBytes, ...times, ...measureMemory(path, graphs) };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

/** From the file's bytes to head and tail, at every cut that is offered; types are known, as from a plan. */
async function measureSplit({ types, source, cuts, graph }: SplitModel) {
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
  return { splitMs: median(times), segmentBytesMax };
}

interface Graphs {
  readonly valve: string;
  readonly segments: readonly string[];
  readonly valveFileBytes: number;
}

/** The graphs that the executors run, as files beside the model, whose weights they name. */
async function writeGraphs(model: SplitModel, runtime: Runtime, folder: string): Promise<Graphs> {
  const { types, source } = model;
  const location = source.location ?? '';
  const cuts = cutsFor(model, 'valve');
  const { rows, graph } = await probeRows(model, { cuts, runtime });
  const valve = join(folder, 'valve.onnx');
  const { bytes } = valveGraph(graph, cuts, { types, rows, location, isBlocked: true });
  writeFileSync(valve, bytes);
  const segments = segmentChain(model.graph, cutsFor(model, 'chain'), {
    types,
    location,
    isBlocked: true,
  }).map((segment, i) => {
    const path = join(folder, `segment-${i}.onnx`);
    writeFileSync(path, segment.bytes);
    return path;
  });
  return { valve, segments, valveFileBytes: bytes.length };
}

/** Ratios compare sessions of onnxruntime-node that differ in nothing but the graph; `...RssMB` are what users see. */
function measureMemory(path: string, { valve, segments }: Graphs) {
  const variants: Readonly<Record<string, readonly string[]>> = {
    plainRssMB: ['plain', path],
    valveGraphRssMB: ['graphs', valve],
    chainGraphsRssMB: ['graphs', ...segments],
    wholeRssMB: ['whole', path],
    chainK8RssMB: ['chain', path],
    valveRssMB: ['valve', path],
  };
  const runs = Array.from({ length: MEMORY_RUNS }, () =>
    Object.fromEntries(Object.entries(variants).map(([name, args]) => [name, residentMegabytes(args)])),
  );
  const of = (name: string) => median(runs.map((run) => run[name] ?? Number.NaN));
  return {
    ...Object.fromEntries(Object.keys(variants).map((name) => [name, of(name)])),
    valveMemoryRatio: of('valveGraphRssMB') / of('plainRssMB'),
    chainK8MemoryRatio: of('chainGraphsRssMB') / of('plainRssMB'),
  };
}

function residentMegabytes(args: readonly string[]): number {
  const program = new URL('./memory.ts', import.meta.url).pathname;
  const { stdout, status, stderr } = spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the memory run failed: ${stderr}`);
  return Number(stdout.trim());
}
