/** One split session for each model of the configuration; all of them, or none and the error. */
import { createSplitSession, type SplitSession } from '@cutpoint/sdk/node';
import type { AgentConfig, ModelConfig } from './config.ts';

export type Sessions = ReadonlyMap<string, SplitSession>;

/** @throws SplitError what createSplitSession throws; sessions already made are released first */
export async function openSessions(config: AgentConfig): Promise<Sessions> {
  const sessions = new Map<string, SplitSession>();
  try {
    // One after the other: a small device has not the memory to load two models at once.
    for (const [name, model] of Object.entries(config.models)) {
      sessions.set(name, await openSession(config, name, model));
    }
    return sessions;
  } catch (error) {
    await releaseSessions(sessions);
    throw error;
  }
}

export async function releaseSessions(sessions: Sessions): Promise<void> {
  await Promise.all([...sessions.values()].map((session) => session.release()));
}

function openSession(
  { broker, device, namespace }: AgentConfig,
  name: string,
  model: ModelConfig,
): Promise<SplitSession> {
  const { path, ...options } = model;
  // Two models are two connections, and a broker knows a connection by its device's name.
  const ownDevice = device === undefined ? undefined : deviceOf(device, name);
  return createSplitSession(path, { broker, model: name, device: ownDevice, namespace, ...options });
}

const MAX_ID_LENGTH = 64;

function deviceOf(device: string, model: string): string {
  return `${device}-${model.replaceAll('.', '_')}`.slice(0, MAX_ID_LENGTH);
}
