/**
 * Inputs that could not be answered because the cloud is away and the device has not the whole model, or may not use it: kept
 * on the disk, and answered in order when it is back. Each is answered once, whatever happens between.
 */
import { asSplitError, type ErrorCode } from '@cutpoint/sdk';
import type { InferBody } from '@cutpoint/sdk/oip';
import type { DiskQueue, QueueState } from '../queue/disk-queue.ts';
import type { Outbox } from '../results/outbox.ts';

export interface StoredInput {
  readonly model: string;
  readonly body: InferBody;
}

export interface StoredInputsOptions {
  readonly queue: DiskQueue;
  readonly outbox: Outbox;
  readonly topicOf: (model: string) => string;
  /** @returns the result's JSON @throws SplitError */
  readonly answer: (input: StoredInput, signal: AbortSignal) => Promise<string>;
  /** What is said of an input that can never be answered. */
  readonly failed: (input: StoredInput, error: unknown) => string;
}

export interface StoredInputs {
  /** On the disk when it resolves. @throws SplitError `storage-failed`, `payload-too-large` */
  put(input: StoredInput): Promise<number>;
  state(): QueueState;
  stop(): Promise<void>;
}

/** Errors that pass when the cloud is back. */
const CLOUD_AWAY: ReadonlySet<ErrorCode> = new Set([
  'broker-unreachable',
  'gateway-unavailable',
  'deadline-exceeded',
  'overloaded',
  'model-unknown',
]);
const RETRY_MS = 2_000;

export function isCloudAway(error: unknown): boolean {
  return CLOUD_AWAY.has(asSplitError(error).code);
}

export async function createStoredInputs(options: StoredInputsOptions): Promise<StoredInputs> {
  const { queue, outbox } = options;
  const stopping = new AbortController();
  let wake: () => void = () => {};
  const working = work();

  async function work(): Promise<void> {
    while (!stopping.signal.aborted) {
      const [record] = await queue.peek({ count: 1, bytes: 1 });
      const isDone = record && (await answerOne(record.sequence, record.bytes));
      if (!isDone) await nextWake(record === undefined ? undefined : RETRY_MS);
    }
  }

  async function answerOne(sequence: number, bytes: Uint8Array): Promise<boolean> {
    const input = decodeInput(Buffer.from(bytes));
    try {
      const json = await options.answer(input, stopping.signal).catch((error: unknown) => {
        if (stopping.signal.aborted || isCloudAway(error)) throw error;
        return options.failed(input, error);
      });
      const result = { topic: options.topicOf(input.model), json, inputSequence: sequence };
      await outbox.put(result);
      return true;
    } catch {
      return false; // The cloud is away, or the disk is full: later.
    }
  }

  function nextWake(ms: number | undefined): Promise<void> {
    return new Promise((resolve) => {
      const timer = ms === undefined ? undefined : setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
      if (stopping.signal.aborted) wake();
    });
  }

  return {
    async put(input) {
      const sequence = await queue.put(encodeInput(input));
      wake();
      return sequence;
    },
    state: queue.state,
    async stop() {
      stopping.abort();
      wake();
      await working;
    },
  };
}

/** u32 length of the JSON, the JSON, the tensors' bytes. */
function encodeInput({ model, body }: StoredInput): Uint8Array {
  const json = Buffer.from(JSON.stringify({ model, json: body.json }));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(json.length);
  return Buffer.concat([length, json, body.binary]);
}

function decodeInput(bytes: Buffer): StoredInput {
  const end = 4 + bytes.readUInt32LE(0);
  const { model, json } = JSON.parse(bytes.toString('utf8', 4, end)) as { model: string; json: unknown };
  return { model, body: { json, binary: bytes.subarray(end) } };
}
