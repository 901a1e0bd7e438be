/** A worker thread of Node as a WorkerPort. The process is kept alive only while a reply is due. */
import type { Worker } from 'node:worker_threads';
import type { WorkerPort } from './worker-calls.ts';

export function nodeWorkerPort(worker: Worker): WorkerPort {
  return {
    post: (message, transfer) => worker.postMessage(message, transfer),
    setBusy: (isBusy) => (isBusy ? worker.ref() : worker.unref()),
    listen({ onMessage, onFailure, onEnd }) {
      worker.on('message', onMessage);
      worker.on('messageerror', (error) =>
        onFailure('a reply of the ONNX Runtime thread could not be read', error),
      );
      worker.on('error', (error) => onFailure(`the ONNX Runtime thread failed: ${describe(error)}`, error));
      worker.once('exit', (code) => onEnd(`the ONNX Runtime thread ended with exit code ${code}`));
    },
  };
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
