/**
 * Frames decoded on threads of their own, so that entropy decoding runs beside the runtime and the broker. A device's frames
 * all go to one thread, which keeps what its sequences build on.
 */
import { Worker } from 'node:worker_threads';
import { type ErrorCode, SplitError, type TablesById } from '@cutpoint/sdk/gateway';
import type { FrameDecoder } from './frame-decoder.ts';
import type { DecodedFrame, FramesToDecode } from './request-frames.ts';

export interface DecodePoolOptions {
  readonly threads: number;
  /** Longest time that references are kept, in milliseconds. @default the cache's own limit */
  readonly retentionMs?: number | undefined;
  /** Coder tables that frames may name, asked at each request. */
  tables(): TablesById;
}

/** What a thread is started with. */
export interface DecodeWorkerData {
  readonly retentionMs?: number | undefined;
}

/** To a thread: tables, from which on, or frames to decode. */
export type DecodeCall =
  | { readonly tables: readonly Uint8Array[] }
  | { readonly id: number; readonly frames: FramesToDecode };

export type DecodeReply =
  | { readonly id: number; readonly decoded: readonly DecodedFrame[] }
  | { readonly id: number; readonly error: { readonly code: ErrorCode; readonly message: string } };

interface Thread {
  decode(frames: FramesToDecode): Promise<readonly DecodedFrame[]>;
  close(): Promise<void>;
}

export function createDecodePool({ threads, tables, retentionMs }: DecodePoolOptions): FrameDecoder {
  const pool = Array.from({ length: threads }, () => startThread(tables, { retentionMs }));
  let closing: Promise<unknown> | undefined;
  return {
    async decode(frames) {
      if (closing !== undefined) throw new SplitError('closed', 'the decoder was closed');
      const thread = pool[hashOf(frames.owner.device) % pool.length];
      if (thread === undefined) throw new SplitError('internal', 'a decoder without threads');
      return await thread.decode(frames);
    },
    async close() {
      closing ??= Promise.all(pool.map((thread) => thread.close()));
      await closing;
    },
  };
}

function startThread(tables: () => TablesById, workerData: DecodeWorkerData): Thread {
  const waiting = new Map<
    number,
    { resolve(frames: readonly DecodedFrame[]): void; reject(error: SplitError): void }
  >();
  let nextId = 1;
  let worker: Worker | undefined;
  let known: TablesById | undefined;

  /** A thread that ended is started anew with the next frames: what it kept is asked for again by its devices. */
  function started(): Worker {
    if (worker !== undefined) return worker;
    const fresh = new Worker(workerUrl(), { execArgv: [], workerData });
    fresh.unref();
    fresh.on('message', settle);
    fresh.on('error', (error) => lose(fresh, String(error)));
    fresh.on('exit', (code) => lose(fresh, `exit code ${code}`));
    worker = fresh;
    known = undefined;
    return fresh;
  }

  function settle(reply: DecodeReply): void {
    const call = waiting.get(reply.id);
    waiting.delete(reply.id);
    if ('error' in reply) call?.reject(new SplitError(reply.error.code, reply.error.message));
    else call?.resolve(reply.decoded);
  }

  function lose(lost: Worker, how: string): void {
    if (worker !== lost) return;
    worker = undefined;
    for (const { reject } of waiting.values())
      reject(new SplitError('internal', `a decoding thread ended: ${how}`));
    waiting.clear();
  }

  function post(call: DecodeCall, transfer: readonly ArrayBuffer[] = []): void {
    started().postMessage(call, transfer);
  }

  return {
    decode(frames) {
      started();
      const current = tables();
      if (current !== known) post({ tables: [...current.values()].map(({ bytes }) => bytes) });
      known = current;
      const id = nextId++;
      // Copies of just these bytes, handed over: they are views of a whole message.
      const own = frames.frames.map((one) => ({ ...one, frame: new Uint8Array(one.frame) }));
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        post(
          { id, frames: { ...frames, frames: own } },
          own.map(({ frame }) => frame.buffer),
        );
      });
    },
    async close() {
      const ended = worker;
      worker = undefined;
      for (const { reject } of waiting.values()) reject(new SplitError('closed', 'the decoder was closed'));
      waiting.clear();
      await ended?.terminate();
    },
  };
}

/** The worker's file beside this one, as source or as built. */
function workerUrl(): URL {
  const isSource = import.meta.url.endsWith('.ts');
  return new URL(isSource ? './decode-worker.ts' : './decode-worker.js', import.meta.url);
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c_9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x0100_0193);
  return hash >>> 0;
}
