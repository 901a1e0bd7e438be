/** A thread of decode-pool.ts. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import {
  asSplitError,
  type CalibratedTables,
  createCodec,
  deflateNode,
  readCalibratedTables,
  systemClock,
  zstdNode,
} from '@cutpoint/sdk/gateway';
import { createImageDecoder } from '../image-decoder.ts';
import { createSweptReferences } from '../reference-cache.ts';
import type { DecodeCall, DecodeReply, DecodeWorkerData } from './decode-pool.ts';
import { type DecodedFrame, decodeFrames } from './request-frames.ts';

if (parentPort !== null) start(parentPort, workerData as DecodeWorkerData);

function start(port: MessagePort, { retentionMs }: DecodeWorkerData): void {
  let tables = new Map<number, CalibratedTables>();
  const { references } = createSweptReferences(systemClock(), retentionMs);
  const codec = createCodec({
    deflate: deflateNode(),
    zstd: zstdNode(),
    imageDecoder: createImageDecoder(),
    findTables: (id) => tables.get(id),
  });

  async function answer(call: Extract<DecodeCall, { readonly id: number }>): Promise<void> {
    const { id, frames } = call;
    try {
      const decoded = await decodeFrames({ codec, references }, frames);
      const own = decoded.map(ownBytes);
      const reply: DecodeReply = { id, decoded: own };
      port.postMessage(reply, [...new Set(own.map(([, value]) => bufferOf(value)))]);
    } catch (error) {
      const { code, message } = asSplitError(error);
      port.postMessage({ id, error: { code, message } } satisfies DecodeReply);
    }
  }

  port.on('message', (call: DecodeCall) => {
    if ('tables' in call) {
      tables = new Map(call.tables.map(readCalibratedTables).map((one) => [one.id, one]));
      return;
    }
    void answer(call);
  });
}

/** Symbols may be kept as a reference, and be views of a pool: they leave as a copy. Tensors own their memory. */
function ownBytes([name, value]: DecodedFrame): DecodedFrame {
  if ('symbols' in value) return [name, { ...value, symbols: new Uint8Array(value.symbols) }];
  const isWhole = value.data.byteLength === value.data.buffer.byteLength;
  return isWhole ? [name, value] : [name, { ...value, data: value.data.slice() }];
}

function bufferOf(value: DecodedFrame[1]): ArrayBuffer {
  return ('symbols' in value ? value.symbols.buffer : value.data.buffer) as ArrayBuffer;
}
