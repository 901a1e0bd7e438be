/** The agent, put together by hand: sessions first, then the API, so that whoever can ask gets an answer. */
import { SplitError } from '@cutpoint/sdk';
import type { FastifyInstance } from 'fastify';
import { createApi } from './api/server.ts';
import type { AgentConfig } from './config.ts';
import { openSessions, releaseSessions, type Sessions } from './sessions.ts';

export interface Agent {
  /** Base of the API, such as `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly models: readonly string[];
  /** Takes no new requests, answers those in hand for at most `drainMs`, then stops. Safe to call twice. */
  stop(): Promise<void>;
}

/** @throws SplitError `options-invalid`, `model-invalid`, `provider-unavailable`; never for a broker that is away */
export async function startAgent(config: AgentConfig, version: string): Promise<Agent> {
  const sessions = await openSessions(config);
  const api = createApi({ sessions, version });
  try {
    const url = await listen(api, config);
    let stopping: Promise<void> | undefined;
    const stop = () => {
      stopping ??= stopAll(api, sessions, config.drainMs);
      return stopping;
    };
    return { url, models: [...sessions.keys()], stop };
  } catch (error) {
    await releaseSessions(sessions);
    throw error;
  }
}

async function listen(api: FastifyInstance, { listen: address }: AgentConfig): Promise<string> {
  try {
    return await api.listen({ host: address.host, port: address.port });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SplitError('options-invalid', `cannot listen on ${address.host}:${address.port}: ${why}`, {
      cause,
    });
  }
}

async function stopAll(api: FastifyInstance, sessions: Sessions, drainMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, drainMs);
  });
  await Promise.race([api.close(), late]);
  clearTimeout(timer);
  await releaseSessions(sessions);
}
