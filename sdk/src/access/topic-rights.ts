/** What a login may publish and hear: the one list behind every broker's configuration and the broker inside. */
import { topicsOf } from '../protocol/v1/topics.ts';
import { agentRights, fleetRights } from './agent-rights.ts';
import { type DeviceEntry, type Devices, type LoginEntry, namesOf } from './devices.ts';

export interface TopicRights {
  /** Topics or MQTT filters. A gateway's replies are the only one with a wildcard. */
  readonly publish: readonly string[];
  /** Filters that may be subscribed to, exactly as they stand. */
  readonly subscribe: readonly string[];
}

/**
 * @param gateways to which the device may write. Not `+`: each topic can hold a retained message, and their number shall be
 * bounded
 */
export function deviceRights(
  namespace: string,
  device: DeviceEntry,
  gateways: readonly string[],
): TopicRights {
  const topics = topicsOf(namespace);
  const names = namesOf(device);
  const requests = names.flatMap((name) => gateways.map((gateway) => topics.request(gateway, name)));
  const agent = agentRights(namespace, device);
  return {
    publish: [...requests, ...names.map((name) => topics.hello(name)), ...agent.publish],
    subscribe: [...names.map((name) => topics.reply(name)), topics.allStatus, ...agent.subscribe],
  };
}

export function gatewayRights(namespace: string, { id }: LoginEntry): TopicRights {
  const topics = topicsOf(namespace);
  return {
    publish: [topics.allReplies, topics.status(id)],
    subscribe: [topics.requestsTo(id), topics.allHellos],
  };
}

/** By login: gateways, devices and the fleet's. @param gateways besides those in the file */
export function rightsByLogin(
  { namespace, devices, gateways: listed, fleet }: Devices,
  gateways: readonly string[] = [],
): ReadonlyMap<string, TopicRights> {
  const ids = [...new Set([...listed.map(({ id }) => id), ...gateways])];
  return new Map([
    ...listed.map((gateway) => [gateway.id, gatewayRights(namespace, gateway)] as const),
    ...devices.map((device) => [device.id, deviceRights(namespace, device, ids)] as const),
    ...fleet.map(({ id }) => [id, fleetRights(namespace)] as const),
  ]);
}
