/** Health and counters upstream, so many bytes a day; how much is spent survives restarts. */
import type { Transport } from '@cutpoint/sdk/gateway';
import { z } from 'zod';
import type { Disk } from '../disk/disk.ts';
import { readJson, replaceJson } from '../disk/durable-file.ts';
import { type ByteBudget, pauseAfter } from './byte-budget.ts';
import { encodeJson } from './json-message.ts';

export interface HealthOptions {
  readonly disk: Disk;
  /** Keeps when the next one may go. */
  readonly path: string;
  readonly transport: Transport;
  readonly topic: string;
  readonly budget: ByteBudget;
  readonly document: () => Promise<object>;
  readonly now: () => number;
}

const schema = z.object({ nextAtMs: z.number() });
const DAY_MS = 86_400_000;

/** @returns stops it */
export async function startHealth(options: HealthOptions): Promise<() => void> {
  const { disk, path, transport, topic, budget, now } = options;
  const kept = await readJson(path, schema).catch(() => undefined);
  // A clock that was set back must not silence the device for longer than a day.
  let nextAtMs = Math.min(kept?.nextAtMs ?? 0, now() + DAY_MS);
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;

  async function send(): Promise<void> {
    if (!transport.isConnected) return;
    const payload = encodeJson(await options.document());
    await transport.publish(topic, payload);
    nextAtMs = now() + pauseAfter(budget, payload.length + topic.length);
    await replaceJson(disk, path, { nextAtMs });
  }

  function plan(): void {
    if (isStopped) return;
    const ms = Math.min(Math.max(nextAtMs - now(), budget.minPauseMs / 10), 2 ** 31 - 1);
    timer = setTimeout(() => {
      // Lost on the way or not remembered: the next one is not far.
      void send()
        .catch(() => undefined)
        .then(plan);
    }, ms);
    timer.unref();
  }
  plan();
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}
