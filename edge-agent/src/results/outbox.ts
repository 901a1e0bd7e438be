/**
 * Results on their way to the broker: on the disk first, sent in order whenever the broker is there, and forgotten only when
 * the broker has them. MQTT's QoS 0 gives no receipt; an echo of our own, sent behind them on the same connection, does.
 */
import { randomBytes } from 'node:crypto';
import type { Transport } from '@cutpoint/sdk/gateway';
import type { DiskQueue, QueueState } from '../queue/disk-queue.ts';

export interface OutboxResult {
  readonly topic: string;
  /** Text of a JSON object with at least one key; `sequence` is put before them when it is sent. */
  readonly json: string;
  /** Number of the stored input that it answers. */
  readonly inputSequence?: number;
}

export interface OutboxOptions {
  readonly queue: DiskQueue;
  readonly transport: Transport;
  readonly echoTopic: string;
  /** Forgets the stored input that a result answers, and all before it. Nothing is sent before it has. */
  forgetInput(sequence: number): Promise<void>;
}

export interface Outbox {
  /** On the disk, and the input that it answers forgotten, when it resolves. @throws SplitError `storage-failed`, `payload-too-large` */
  put(result: OutboxResult): Promise<void>;
  state(): QueueState;
  stop(): Promise<void>;
}

const BATCH = { count: 64, bytes: 1 << 18 };
const ECHO_MS = 5_000;
const PAUSE_MS = 500;

export async function createOutbox(options: OutboxOptions): Promise<Outbox> {
  const { queue, transport, echoTopic } = options;
  // Answered before the power went, but not yet forgotten: once its result is sent nothing would tell of it any more.
  await settle(await newestResult(queue));
  let isStopped = false;
  let wake: () => void = () => {};
  let settling: Promise<unknown> = Promise.resolve();
  let onEcho: (mark: string) => void = () => {};
  const own = await transport.subscribe(echoTopic, (_topic, payload) =>
    onEcho(Buffer.from(payload).toString()),
  );
  const stopListening = transport.onStateChange(() => wake());
  const draining = drain();

  async function drain(): Promise<void> {
    while (!isStopped) {
      await settling;
      const isSent = transport.isConnected && (await sendBatch().catch(() => 'failed' as const));
      if (isSent === true) continue;
      await nextWake(isSent === 'failed' ? PAUSE_MS : undefined);
    }
  }

  /** @returns whether there was anything to send, and the broker has it now */
  async function sendBatch(): Promise<boolean> {
    const records = await queue.peek(BATCH);
    const last = records.at(-1);
    if (last === undefined) return false;
    for (const { sequence, bytes } of records) {
      const { topic, json } = JSON.parse(Buffer.from(bytes).toString()) as OutboxResult;
      await transport.publish(topic, Buffer.from(`{"sequence":${sequence},${json.slice(1)}`));
    }
    await echoed();
    await queue.take(last.sequence);
    return true;
  }

  /** Packets of one connection are worked off in order: what comes back proves all before it. */
  async function echoed(): Promise<void> {
    const mark = randomBytes(8).toString('hex');
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('no echo')), ECHO_MS);
      const stop = transport.onStateChange(() => reject(new Error('connection lost')));
      onEcho = (found) => {
        if (found !== mark) return;
        clearTimeout(timer);
        stop();
        resolve();
      };
      transport.publish(echoTopic, Buffer.from(mark)).catch(reject);
    });
  }

  function nextWake(ms: number | undefined): Promise<void> {
    return new Promise((resolve) => {
      const timer = ms === undefined ? undefined : setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
      if (isStopped) wake();
    });
  }

  async function settle(result: OutboxResult | undefined): Promise<void> {
    if (result?.inputSequence !== undefined) await options.forgetInput(result.inputSequence);
  }

  async function put(result: OutboxResult): Promise<void> {
    const work = settling.then(async () => {
      await queue.put(Buffer.from(JSON.stringify(result)));
      await settle(result);
    });
    settling = work.catch(() => undefined);
    await work;
    wake();
  }

  return {
    put,
    state: queue.state,
    async stop() {
      isStopped = true;
      stopListening();
      wake();
      await draining;
      await own.close();
    },
  };
}

/** Whatever was put in before it has been settled. */
async function newestResult(queue: DiskQueue): Promise<OutboxResult | undefined> {
  const newest = await queue.newest();
  return newest && (JSON.parse(Buffer.from(newest.bytes).toString()) as OutboxResult);
}
