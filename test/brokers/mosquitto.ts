/** Mosquitto as `broker-config` configures it, and two of them with a bridge between. */

import { parseDevices } from '../../sdk/src/access/devices.ts';
import { mosquittoConfig } from '../../sdk/src/access/mosquitto-config.ts';
import { startMosquitto } from '../support/mosquitto.ts';
import { DEVICES, type TestedBroker } from './broker.ts';
import { freePorts, packageVersion } from './program.ts';
import type { BrokerNodes } from './two-regions.ts';

const PLUGIN = '/usr/lib/x86_64-linux-gnu/mosquitto_dynamic_security.so';

export async function startFenced(): Promise<TestedBroker> {
  const [webPort = 0] = await freePorts(1);
  const broker = await startMosquitto({
    files: ({ port, directory }) =>
      mosquittoConfig({
        devices: parseDevices(DEVICES),
        listen: { host: '127.0.0.1', port },
        websocket: { host: '127.0.0.1', port: webPort },
        ...{ directory, plugin: PLUGIN },
      }),
  });
  return {
    name: `Mosquitto ${packageVersion('mosquitto')}`,
    ...{ gatewayUrl: broker.url, deviceUrl: broker.url, hasLogins: true },
    webSocketUrl: `ws://127.0.0.1:${webPort}`,
    restart: broker.restart,
    close: broker.close,
  };
}

/** Devices at the near one, gateways at the far one. Without logins: the bridge would need one at the far side. */
export async function startBridged(): Promise<TestedBroker> {
  const { far, near } = await startPair(['gw/+/req/+ out', 'hello/+ out', 'dev/+/rep in', 'gw/+/st in']);
  return {
    name: `two bridged Mosquitto ${packageVersion('mosquitto')}`,
    ...{ gatewayUrl: far.url, deviceUrl: near.url, hasLogins: false },
    // The one behind the bridge: devices notice nothing but silence.
    restart: far.restart,
    close: async () => {
      await near.close();
      await far.close();
    },
  };
}

/** Gateways and devices at both: what is said at one is heard at the other. Without logins. */
export async function startBridgedNodes(): Promise<BrokerNodes> {
  const { far, near } = await startPair([
    'gw/+/req/+ both',
    'hello/+ both',
    'dev/+/rep both',
    'gw/+/st both',
  ]);
  const nodes = [far, near];
  return {
    name: `two bridged Mosquitto ${packageVersion('mosquitto')}`,
    urlOf: (node) => nodes[node]?.url ?? '',
    kill: async (node) => nodes[node]?.kill(),
    start: async (node) => nodes[node]?.restart(),
    close: async () => {
      for (const node of nodes) await node.close();
    },
  };
}

/** A bridge at the near one. @param topics each with the way it goes */
async function startPair(topics: readonly string[]) {
  const far = await startMosquitto();
  const near = await startMosquitto({
    files: async ({ port }) => [
      {
        name: 'mosquitto.conf',
        text: [
          `listener ${port} 127.0.0.1`,
          ...['allow_anonymous true', 'set_tcp_nodelay true', 'persistence false'],
          ...['connection far', `address 127.0.0.1:${far.port}`, 'bridge_protocol_version mqttv311'],
          ...['cleansession true', 'try_private true', 'start_type automatic', 'restart_timeout 1 2'],
          ...['keepalive_interval 10', 'notifications false'],
          ...topics.map((topic) => `topic cutpoint/${topic} 0`),
          '',
        ].join('\n'),
      },
    ],
  });
  return { far, near };
}
