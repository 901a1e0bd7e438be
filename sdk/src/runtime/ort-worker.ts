/** The worker that holds ONNX Runtime, whose run blocks the thread that calls it. Started by ort-node.ts. */

import type { MessagePort } from 'node:worker_threads';
import { parentPort, workerData } from 'node:worker_threads';
import { toCallError, translateImportError } from './ort-errors.ts';
import type { CallMessage, ReadyReply, ReplyMessage, WorkerCall, WorkerSettings } from './ort-messages.ts';
import type { Ort, OrtSessions } from './ort-sessions.ts';
import { createOrtSessions, transferList } from './ort-sessions.ts';

if (parentPort !== null) await start(parentPort, workerData as WorkerSettings);

async function start(port: MessagePort, settings: WorkerSettings): Promise<void> {
  try {
    hideFloat16Array();
    const ort = await importOrt(settings.module);
    const ready: ReadyReply = { version: ort.env.versions.node ?? 'of an unknown version' };
    serve(port, createOrtSessions(ort, settings));
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
  try {
    if (call.kind === 'run') {
      const value = await sessions.run(call);
      send(port, { id, value }, transferList(value.values));
    } else {
      send(port, { id, value: await perform(sessions, call) });
    }
  } catch (error) {
    send(port, { id, error: toCallError(error) });
  }
  // The last handle of this thread: without it the thread ends by itself.
  if (call.kind === 'close') port.close();
}

function perform(sessions: OrtSessions, call: Exclude<WorkerCall, { kind: 'run' }>): Promise<unknown> {
  switch (call.kind) {
    case 'load':
      return sessions.load(call);
    case 'profile':
      return sessions.profile(call);
    case 'release':
      return sessions.release(call.model);
    case 'close':
      return sessions.releaseAll();
  }
}

function send(port: MessagePort, message: ReplyMessage, transfer: readonly ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}
