/** The agent's own connection to the broker, beside those of its sessions. Its will says that the device is offline. */
import { openMqtt, type Transport } from '@cutpoint/sdk/gateway';
import type { AgentConfig } from '../config.ts';
import type { Login } from '../login.ts';
import { encodeJson } from './json-message.ts';
import type { AgentTopics } from './topics.ts';

/** Begins to connect and goes on trying. */
export function openLink({ broker }: AgentConfig, login: Login, topics: AgentTopics): Transport {
  const will = {
    topic: topics.status,
    payload: encodeJson({ state: 'offline', reason: 'lost' }),
    retain: true,
  };
  return openMqtt({ url: broker, ...login, will });
}
