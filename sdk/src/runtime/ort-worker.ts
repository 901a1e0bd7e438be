/** The worker that holds ONNX Runtime, whose run blocks the thread that calls it. Started by ort-node.ts. */

import type { MessagePort } from 'node:worker_threads';
import { parentPort, workerData } from 'node:worker_threads';
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-common';
import { toCallError, translateImportError } from './ort-errors.ts';
import type {
  CallMessage,
  LoadCall,
  ProfileCall,
  ReadyReply,
  ReplyMessage,
  StopHandle,
  WorkerCall,
  WorkerSettings,
} from './ort-messages.ts';
import { profileInNode } from './ort-profile.ts';
import { answerCall, createOrtSessions, type Ort, type OrtSessions } from './ort-sessions.ts';

if (parentPort !== null) await start(parentPort, workerData as WorkerSettings);

async function start(port: MessagePort, settings: WorkerSettings): Promise<void> {
  try {
    hideFloat16Array();
    const ort = await importOrt(settings.module);
    const ready: ReadyReply = { version: ort.env.versions.node ?? 'of an unknown version' };
    const options = (call: Omit<LoadCall, 'kind'>) => sessionOptions(call, settings);
    const isStopped = (stop: StopHandle) => stop instanceof Int32Array && Atomics.load(stop, 0) !== 0;
    const profile = (call: ProfileCall) => profileInNode({ ort, sessionOptions: options }, call);
    serve(port, createOrtSessions({ ort, sessionOptions: options, isStopped, profile, discard }));
    send(port, { id: 0, value: ready });
  } catch (error) {
    send(port, { id: 0, error: toCallError(error) });
    port.close();
  }
}

/**
 * Where there is a Float16Array, ONNX Runtime's JavaScript wraps float16 in it, and its native half (seen in 1.30)
 * then finds zero bytes. Without one it takes the bits in a Uint16Array. The globals of this thread are ours.
 */
function hideFloat16Array(): void {
  Reflect.deleteProperty(globalThis, 'Float16Array');
}

/** From Node 22 on; the types are of before. */
type Transferable = ArrayBuffer & { transfer?(byteLength: number): ArrayBuffer };

/** What is left of a buffer that was moved into none is nothing. */
function discard(tensors: readonly OrtTensor[]): void {
  for (const { data } of tensors) {
    const buffer: Transferable | undefined =
      ArrayBuffer.isView(data) && data.buffer instanceof ArrayBuffer ? data.buffer : undefined;
    if (buffer && buffer.byteLength > 0) buffer.transfer?.(0);
  }
}

async function importOrt(module: string): Promise<Ort> {
  try {
    const imported = (await import(module)) as Ort & { default?: Ort };
    return imported.InferenceSession === undefined && imported.default ? imported.default : imported;
  } catch (error) {
    throw translateImportError(error, module);
  }
}

/** One call at a time, in the order of arrival. */
function serve(port: MessagePort, sessions: OrtSessions): void {
  let last: Promise<void> = Promise.resolve();
  port.on('message', ({ id, call }: CallMessage) => {
    last = last.then(() => answer(port, sessions, id, call));
  });
}

async function answer(port: MessagePort, sessions: OrtSessions, id: number, call: WorkerCall): Promise<void> {
  const { reply, transfer } = await answerCall(sessions, id, call);
  send(port, reply, transfer);
  // The last handle of this thread: without it the thread ends by itself.
  if (call.kind === 'close') port.close();
}

function sessionOptions(
  call: Omit<LoadCall, 'kind'>,
  settings: WorkerSettings,
): InferenceSession.SessionOptions {
  const folder = call.directory && { model_external_initializers_file_folder_path: call.directory };
  return {
    executionProviders: [
      settings.deviceId === undefined
        ? settings.provider
        : ({
            name: settings.provider,
            deviceId: settings.deviceId,
          } as InferenceSession.ExecutionProviderConfig),
    ],
    graphOptimizationLevel: call.optimization,
    intraOpNumThreads: settings.threads,
    interOpNumThreads: 1,
    enableCpuMemArena: settings.memoryArena,
    // Fatal only: what goes wrong is thrown, and need not be on the application's stderr as well.
    logSeverityLevel: 4,
    // Threads that spin after a run fight the next session for the cores. ORT takes strings only.
    extra: {
      session: { intra_op: { allow_spinning: '0' }, use_device_allocator_for_initializers: '1', ...folder },
    },
  };
}

function send(port: MessagePort, message: ReplyMessage, transfer: readonly ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}
