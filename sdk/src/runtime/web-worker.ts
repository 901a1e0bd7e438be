/** A dedicated worker of a page, or of another worker, as a WorkerPort. */
import type { ReplyMessage } from './ort-messages.ts';
import type { WorkerPort } from './worker-calls.ts';

/** Ends the worker once it has answered `close`, or could not even start. */
export function webWorkerPort(worker: Worker, url: URL): WorkerPort {
  let closeId: number | undefined;
  return {
    post(message, transfer) {
      if (message.call.kind === 'close') closeId = message.id;
      worker.postMessage(message, transfer as ArrayBuffer[]);
    },
    // A page lives as long as its user wants.
    setBusy() {},
    listen({ onMessage, onFailure, onEnd }) {
      const end = (reason: string) => {
        worker.terminate();
        onEnd(reason);
      };
      worker.addEventListener('message', ({ data }: MessageEvent<ReplyMessage>) => {
        onMessage(data);
        if (data.id === closeId) end('the ONNX Runtime worker was closed');
      });
      worker.addEventListener('messageerror', () =>
        onFailure('a reply of the ONNX Runtime worker could not be read'),
      );
      worker.addEventListener('error', (event) => {
        // A script that did not load says nothing at all.
        const what = event.message || `could not be loaded from ${url.href}`;
        end(`the ONNX Runtime worker failed: ${what}`);
      });
    },
  };
}
