/** Home Assistant finds the device's models by itself: one retained configuration for each, renewed when it starts anew. */
import { modelLevel, type Transport } from '@cutpoint/sdk/gateway';
import type { AgentTopics } from '../fleet/topics.ts';

export interface HomeAssistantOptions {
  readonly transport: Transport;
  /** Home Assistant's own first level, `homeassistant`. */
  readonly prefix: string;
  readonly device: string;
  readonly version: string;
  readonly topics: AgentTopics;
  readonly models: readonly string[];
}

/** @returns stops it; what was announced stays */
export async function announceToHomeAssistant(options: HomeAssistantOptions): Promise<() => Promise<void>> {
  const { transport, prefix } = options;
  const announce = async () => {
    for (const model of options.models) {
      const { topic, body } = discovery(options, model);
      await transport.publish(topic, Buffer.from(JSON.stringify(body)), { retain: true });
    }
  };
  // Lost on the way: the next connect announces again.
  const quietly = () => void announce().catch(() => undefined);
  const birth = await transport.subscribe(`${prefix}/status`, (_topic, payload) => {
    if (Buffer.from(payload).toString() === 'online') quietly();
  });
  const stop = transport.onStateChange((state) => {
    if (state === 'connected') quietly();
  });
  if (transport.isConnected) quietly();
  return async () => {
    stop();
    await birth.close();
  };
}

/** The configuration of one sensor, whose state is the label of a result, or its best class's number. */
export function discovery(
  { prefix, device, version, topics }: Omit<HomeAssistantOptions, 'transport' | 'models'>,
  model: string,
): { readonly topic: string; readonly body: object } {
  const id = `cutpoint_${device}_${modelLevel(model)}`;
  const body = {
    name: model,
    unique_id: id,
    object_id: id,
    state_topic: topics.result(model),
    value_template:
      '{{ value_json.summary.label | default(value_json.summary.index) | default("answered") }}',
    json_attributes_topic: topics.result(model),
    json_attributes_template:
      '{{ {"score": value_json.summary.score, "version": value_json.version} | tojson }}',
    availability_topic: topics.status,
    availability_template: '{{ value_json.state }}',
    payload_available: 'online',
    payload_not_available: 'offline',
    device: {
      identifiers: [`cutpoint_${device}`],
      name: device,
      manufacturer: 'Cutpoint',
      model: 'edge agent',
      sw_version: version,
    },
  };
  return { topic: `${prefix}/sensor/${device}/${modelLevel(model)}/config`, body };
}
