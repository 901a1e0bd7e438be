/** What the edge agent's own topics, below `NAMESPACE/edge/DEVICE/`, allow a device and the fleet's logins. */
import { modelLevel } from './agent-names.ts';
import type { DeviceEntry } from './devices.ts';
import type { TopicRights } from './topic-rights.ts';

const FROM_DEVICE = ['st', 'reported', 'health', 'ack', 'get'];
const TO_DEVICE = ['desired', 'cmd', 'got', 'in/+'];
const TO_ITSELF = 'echo';
/** Home Assistant's own first level, unless it was told otherwise. */
const HOME_ASSISTANT = 'homeassistant';

/** Results by their models, not `+`: each topic can hold a retained message, and their number shall be bounded. */
export function agentRights(namespace: string, { id, agent }: DeviceEntry): TopicRights {
  if (agent.length === 0) return { publish: [], subscribe: [] };
  const below = (topic: string) => `${namespace}/edge/${id}/${topic}`;
  const results = agent.map((model) => `out/${modelLevel(model)}`);
  const sensors = agent.map((model) => `${HOME_ASSISTANT}/sensor/${id}/${modelLevel(model)}/config`);
  return {
    publish: [...[...FROM_DEVICE, TO_ITSELF, ...results].map(below), ...sensors],
    subscribe: [...[...TO_DEVICE, TO_ITSELF].map(below), `${HOME_ASSISTANT}/status`],
  };
}

/** Of whoever leads agents, serves them bundles, feeds them and reads their results. */
export function fleetRights(namespace: string): TopicRights {
  const ofAll = (topic: string) => `${namespace}/edge/+/${topic}`;
  return { publish: TO_DEVICE.map(ofAll), subscribe: [...FROM_DEVICE, 'out/+'].map(ofAll) };
}
