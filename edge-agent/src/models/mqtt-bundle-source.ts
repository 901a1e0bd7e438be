/** A bundle fetched over MQTT, range by range, from whoever serves bundles there (`cutpoint-edge bundle serve`). */
import { randomBytes } from 'node:crypto';
import { asSplitError, SplitError } from '@cutpoint/sdk';
import { decodeEnvelope, type Transport } from '@cutpoint/sdk/gateway';
import { z } from 'zod';
import { encodeJson } from '../fleet/json-message.ts';
import type { AgentTopics } from '../fleet/topics.ts';
import type { BundleSource } from './bundle-source.ts';
import { pause } from './rate-limit.ts';

/** Below what the brokers of clouds take. */
const RANGE_BYTES = 65_536;
const RANGE_MS = 10_000;

export const rangeRequestSchema = z.object({
  id: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/),
  path: z.string().max(512),
  offset: z.int().min(0),
  bytes: z.int().min(1).max(RANGE_BYTES),
});
export type RangeRequest = z.output<typeof rangeRequestSchema>;

export const rangeReplySchema = z.object({ id: z.string(), error: z.string().optional() });

/** @param folder of the bundle at the server */
export async function mqttBundleSource(
  transport: Transport,
  topics: AgentTopics,
  folder: string,
): Promise<BundleSource> {
  const waiting = new Map<string, (reply: Reply) => void>();
  const own = await transport.subscribe(topics.got, (_topic, payload) => {
    const reply = decodeReply(payload);
    if (reply) waiting.get(reply.id)?.(reply);
  });

  async function range(path: string, offset: number, signal: AbortSignal): Promise<Uint8Array> {
    const id = randomBytes(12).toString('hex');
    const late = new AbortController();
    try {
      const answer = new Promise<Reply>((resolve) => waiting.set(id, resolve));
      const bytes = Math.min(RANGE_BYTES, Math.max(1024, transport.maxPacketBytes - 1024));
      await transport.publish(topics.get, encodeJson({ id, path: `${folder}/${path}`, offset, bytes }));
      const timeout = pause(RANGE_MS, AbortSignal.any([signal, late.signal])).then(() => undefined);
      const reply = await Promise.race([answer, timeout]);
      timeout.catch(() => {}); // Aborted below, when the answer was first.
      if (reply === undefined) throw lost(`no answer to ${topics.get} within ${RANGE_MS} ms`);
      if (reply.error !== undefined)
        throw new SplitError('bundle-invalid', `mqtt:${folder}/${path}: ${reply.error}`);
      return reply.payload;
    } catch (error) {
      if (signal.aborted) throw asSplitError(signal.reason, 'aborted');
      throw error;
    } finally {
      waiting.delete(id);
      late.abort();
    }
  }

  return {
    place: `mqtt:${folder}`,
    async *read(path, offset, signal) {
      for (let at = offset; ; ) {
        const piece = await range(path, at, signal);
        if (piece.length === 0) return;
        yield piece;
        at += piece.length;
      }
    },
    close: () => own.close(),
  };
}

interface Reply {
  readonly id: string;
  readonly error?: string | undefined;
  readonly payload: Uint8Array;
}

/** What is no reply of ours is nobody's. */
function decodeReply(message: Uint8Array): Reply | undefined {
  try {
    const { header, payload } = decodeEnvelope(message);
    const parsed = rangeReplySchema.safeParse(header);
    return parsed.success ? { ...parsed.data, payload } : undefined;
  } catch {
    return undefined;
  }
}

function lost(what: string): SplitError {
  return new SplitError('broker-unreachable', what);
}
