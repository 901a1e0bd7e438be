/** The inside of a page's ONNX Runtime worker, for either build of ONNX Runtime. */
import type { InferenceSession } from 'onnxruntime-common';
import { toCallError } from './ort-errors.ts';
import type { CallMessage, LoadCall, ReadyReply, ReplyMessage, StopHandle } from './ort-messages.ts';
import { answerCall, createOrtSessions, type Ort, type OrtSessions } from './ort-sessions.ts';
import type { WebStart, WebStop } from './ort-web-messages.ts';

/** The part of a dedicated worker's global that is used here. */
interface WorkerScope {
  onmessage: ((event: MessageEvent) => void) | null;
  postMessage(message: ReplyMessage, transfer?: ArrayBuffer[]): void;
}

type Incoming = CallMessage | WebStop;

/** Takes over the worker's messages: the first starts ONNX Runtime, the others are calls, served in their order. */
export function hostOrt(ort: Ort, scope: WorkerScope = globalThis as unknown as WorkerScope): void {
  scope.onmessage = ({ data }: MessageEvent<WebStart>) => void start(ort, data, scope);
}

async function start(ort: Ort, settings: WebStart, scope: WorkerScope): Promise<void> {
  const stopped = new Set<number>();
  try {
    const sessions = createOrtSessions({
      ort,
      sessionOptions: (call) => sessionOptions(call, settings),
      isStopped: (stop) => isStopped(stopped, stop),
    });
    serve(scope, sessions, stopped);
    configure(ort, settings);
    await tryOut(sessions, settings.probe);
    const ready: ReadyReply = { version: ort.env.versions.web ?? 'of an unknown version' };
    scope.postMessage({ id: 0, value: ready });
  } catch (error) {
    scope.postMessage({ id: 0, error: toCallError(error) });
  }
}

function configure(ort: Ort, { threads, glue, wasm }: WebStart): void {
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.wasmPaths = { mjs: glue, wasm };
  // This is a worker already.
  ort.env.wasm.proxy = false;
  ort.env.logLevel = 'fatal';
}

async function tryOut(sessions: OrtSessions, bytes: Uint8Array): Promise<void> {
  const { model } = await sessions.load({
    kind: 'load',
    bytes,
    directory: undefined,
    optimization: 'disabled',
  });
  await sessions.release(model);
}

function serve(scope: WorkerScope, sessions: OrtSessions, stopped: Set<number>): void {
  let last: Promise<void> = Promise.resolve();
  scope.onmessage = ({ data }: MessageEvent<Incoming>) => {
    if ('stop' in data) return void stopped.add(data.stop);
    last = last.then(async () => {
      const { reply, transfer } = await answerCall(sessions, data.id, data.call);
      scope.postMessage(reply, [...transfer]);
      if (data.call.kind === 'run') stopped.delete(data.call.stop as number);
    });
  };
}

/** Lets the messages that have come be read first. */
async function isStopped(stopped: ReadonlySet<number>, stop: StopHandle): Promise<boolean> {
  await nextTask();
  return stopped.has(stop as number);
}

/** Unlike timers, messages to oneself are not slowed down. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}

function sessionOptions(
  call: Omit<LoadCall, 'kind'>,
  { provider }: WebStart,
): InferenceSession.SessionOptions {
  return {
    executionProviders: [provider],
    graphOptimizationLevel: call.optimization,
    // Fatal only: what goes wrong is thrown, and need not be on the page's console as well.
    logSeverityLevel: 4,
    // Threads that spin after a run take the processors from the page.
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  };
}
