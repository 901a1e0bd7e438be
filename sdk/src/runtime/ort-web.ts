/** The Runtime adapter for pages: onnxruntime-web in a worker of its own, so that the caller's thread stays free. */

import { SplitError } from '../errors.ts';
import { GraphBuilder } from '../onnx/builder.ts';
import type { ReadyReply } from './ort-messages.ts';
import type { WebStart, WebStop } from './ort-web-messages.ts';
import type { Runtime } from './runtime.ts';
import { webWorkerPort } from './web-worker.ts';
import { createWorkerCalls } from './worker-calls.ts';
import { createWorkerRuntime, type Stop } from './worker-runtime.ts';

/** Where the files of one build of ONNX Runtime lie, as absolute URLs. */
export interface OrtWebFiles {
  /** Our worker with ONNX Runtime's JavaScript in it. */
  readonly worker: string;
  /** ONNX Runtime's own two. */
  readonly glue: string;
  readonly wasm: string;
}

export interface OrtWebOptions {
  /** The lean build, CPU only. */
  readonly files: OrtWebFiles;
  /** The build with WebGPU, about twice as large; fetched only when it is used. */
  readonly webgpuFiles: OrtWebFiles;
  /** Threads inside one operator, 1 to 256; one where the page is not cross-origin isolated. @default the processors, at most 4 */
  readonly threads?: number;
  /** `webgpu` falls back to `wasm` where there is no adapter; `description` then says why. @default 'wasm' */
  readonly provider?: 'wasm' | 'webgpu';
}

const MAX_DEFAULT_THREADS = 4;
const MAX_THREADS = 256;

/**
 * Starts the worker and ONNX Runtime in it. Calls are served one at a time, in order.
 * @throws SplitError `options-invalid`, or `provider-unavailable` when a file is not where it should be
 */
export async function createOrtWeb(options: OrtWebOptions): Promise<Runtime> {
  const { provider = 'wasm' } = options;
  const threads = resolveThreads(options.threads);
  if (provider !== 'webgpu') return await start(options.files, { provider, ...threads });
  const missing = await webgpuMissing();
  if (missing === undefined) {
    try {
      return await start(options.webgpuFiles, { provider, ...threads });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return await start(options.files, noting(threads, `webgpu was asked for: ${reason}`));
    }
  }
  return await start(options.files, noting(threads, `webgpu was asked for: ${missing}`));
}

interface Settings {
  readonly provider: 'wasm' | 'webgpu';
  readonly threads: number;
  /** What was asked for and could not be had. */
  readonly notes: readonly string[];
}

async function start(files: OrtWebFiles, { provider, threads, notes }: Settings): Promise<Runtime> {
  const url = new URL(files.worker);
  const worker = new Worker(url, { type: 'module', name: 'cutpoint-ort' });
  const calls = createWorkerCalls(webWorkerPort(worker, url));
  const first: WebStart = { provider, threads, glue: files.glue, wasm: files.wasm, probe: probeModel() };
  worker.postMessage(first);
  try {
    const { version } = (await calls.ready) as ReadyReply;
    const build = `onnxruntime-web ${version} ${provider}, ${threads} thread${threads === 1 ? '' : 's'}`;
    const description = [build, ...notes].join('; ');
    return createWorkerRuntime({ calls, provider, description, makeStop: stopsOf(worker) });
  } catch (cause) {
    worker.terminate();
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SplitError(
      'provider-unavailable',
      `onnxruntime-web could not be started with ${files.worker}, ${files.glue} and ${files.wasm}: ${why}; \`npx cutpoint copy-assets DIR\` puts the files in place`,
      { cause },
    );
  }
}

/** Without shared memory a message says it: the worker reads its messages between two models. */
function stopsOf(worker: Worker): () => Stop {
  let nextHandle = 1;
  return () => {
    const handle = nextHandle++;
    return { handle, fire: () => worker.postMessage({ stop: handle } satisfies WebStop) };
  };
}

/** Why there is no WebGPU here; `undefined` where there is. */
async function webgpuMissing(): Promise<string | undefined> {
  const { gpu } = navigator as Navigator & { gpu?: { requestAdapter(): Promise<unknown> } };
  if (!gpu) return 'this browser has none, or the page is not a secure context';
  const adapter = await gpu.requestAdapter().catch(() => undefined);
  return adapter ? undefined : 'there is no adapter here';
}

function noting(settings: Omit<Settings, 'provider'>, note: string): Settings {
  return { provider: 'wasm', threads: settings.threads, notes: [note, ...settings.notes] };
}

function resolveThreads(asked: number | undefined): Omit<Settings, 'provider'> {
  if (asked !== undefined && (!Number.isInteger(asked) || asked < 1 || asked > MAX_THREADS)) {
    throw new SplitError(
      'options-invalid',
      `threads is ${asked}; it must be a whole number from 1 to ${MAX_THREADS}`,
    );
  }
  if (globalThis.crossOriginIsolated)
    return { threads: asked ?? Math.min(navigator.hardwareConcurrency, MAX_DEFAULT_THREADS), notes: [] };
  const isLess = asked !== undefined && asked > 1;
  return {
    threads: 1,
    notes: isLess ? [`${asked} threads were asked for: the page is not cross-origin isolated`] : [],
  };
}

/** One node: what cannot run this cannot run anything. */
function probeModel(): Uint8Array {
  const graph = new GraphBuilder('probe');
  graph.input('x', 'float32', [1]);
  graph.node('Neg', ['x'], {}, { outputs: ['y'] });
  graph.output('y', 'float32', [1]);
  return graph.toBytes();
}
