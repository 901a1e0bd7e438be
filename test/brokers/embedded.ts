/** The broker inside the gateway, with logins. */
import { readFileSync } from 'node:fs';
import { createDeviceIndex } from '@cutpoint/sdk/gateway';
import { startBroker } from '../../cloud-gateway/src/broker/broker.ts';
import { parseDevices } from '../../sdk/src/access/devices.ts';
import { DEVICES, type TestedBroker } from './broker.ts';

export async function startEmbedded(): Promise<TestedBroker> {
  const index = createDeviceIndex(parseDevices(DEVICES));
  const open = (port: number, webPort: number) =>
    startBroker({
      listen: { host: '127.0.0.1', port },
      webSocket: { host: '127.0.0.1', port: webPort },
      access: { devices: () => index },
      maxMessageBytes: 1 << 20,
    });
  let broker = await open(0, 0);
  const { url, webSocketUrl = '' } = broker;
  const portOf = (address: string) => Number(new URL(address).port);
  return {
    name: `inside the gateway (aedes ${aedesVersion()})`,
    ...{ gatewayUrl: url, deviceUrl: url, webSocketUrl, hasLogins: true },
    restart: async () => {
      await broker.close();
      broker = await open(portOf(url), portOf(webSocketUrl));
    },
    close: () => broker.close(),
  };
}

function aedesVersion(): string {
  const path = new URL('../../node_modules/aedes/package.json', import.meta.url);
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}
