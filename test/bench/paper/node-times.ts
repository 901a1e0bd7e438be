/** Times of single nodes, as the planners of the literature add them up: ONNX Runtime's own profile, nothing fused. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import type { Graph } from '../../../sdk/src/onnx/graph.ts';
import type { Tensors } from '../../../sdk/src/tensor.ts';
import { median } from '../statistics.ts';

const WARM_UP = 2;
const RUNS = 5;

export interface NodeTimesRequest {
  readonly path: string;
  readonly graph: Graph;
  readonly feeds: Tensors;
  readonly threads: number;
}

/** Milliseconds of each of the graph's nodes, by position: medians of five runs. */
export async function nodeTimes(request: NodeTimesRequest): Promise<Float64Array> {
  const folder = mkdtempSync(join(tmpdir(), 'cutpoint-nodes-'));
  try {
    await profileRuns(request, join(folder, 'profile'));
    const [file = ''] = readdirSync(folder);
    const events = JSON.parse(readFileSync(join(folder, file), 'utf8')) as readonly ProfileEvent[];
    return byPosition(request.graph, events);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function profileRuns({ path, feeds, threads }: NodeTimesRequest, prefix: string): Promise<void> {
  const session = await InferenceSession.create(path, {
    graphOptimizationLevel: 'disabled',
    intraOpNumThreads: threads,
    enableProfiling: true,
    profileFilePrefix: prefix,
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  });
  const tensors = Object.entries(feeds).map(([name, { type, data, dims }]) => [
    name,
    new OrtTensor(type as 'float32', data as Float32Array, dims),
  ]);
  for (let run = 0; run < WARM_UP + RUNS; run++) await session.run(Object.fromEntries(tensors));
  session.endProfiling();
  await session.release();
}

interface ProfileEvent {
  readonly cat: string;
  readonly name: string;
  /** Microseconds. */
  readonly dur: number;
  readonly args?: { readonly node_index?: string; readonly op_name?: string };
}

function byPosition(graph: Graph, events: readonly ProfileEvent[]): Float64Array {
  const runsOf = new Map<string, { readonly kind: string | undefined; readonly ms: number[] }>();
  for (const { cat, name, dur, args: { node_index: index, op_name: kind } = {} } of events) {
    if (cat !== 'Node' || index === undefined || !name.endsWith('_kernel_time')) continue;
    const known = runsOf.get(index) ?? { kind, ms: [] };
    known.ms.push(dur / 1000);
    runsOf.set(index, known);
  }
  // ONNX Runtime counts the file's nodes, less constants.
  const counted = graph.model.graph.nodes.filter(({ opType }) => opType !== 'Constant');
  const indexOf = new Map(counted.map((node, index) => [node.outputs.find((name) => name !== ''), index]));
  return Float64Array.from(graph.nodes, (node) => {
    const index = indexOf.get(node.outputs.find((name) => name !== ''));
    const found = runsOf.get(String(index));
    if (!found || found.kind !== node.opType)
      throw new Error(`no times of node ${index}, ${node.opType}: the profile has ${found?.kind ?? 'none'}`);
    return median(found.ms.slice(WARM_UP));
  });
}
