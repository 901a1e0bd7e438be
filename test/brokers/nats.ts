/** Three NATS servers, each as `broker-config` makes it and the routes to the others; device and gateway at different ones. */
import { parseDevices } from '../../sdk/src/access/devices.ts';
import { natsConfig } from '../../sdk/src/access/nats-config.ts';
import { DEVICES, type TestedBroker } from './broker.ts';
import { freePorts, makePlace, packageVersion, type Running, startProgram } from './program.ts';

const NODES = [0, 1, 2] as const;

export async function startNats(): Promise<TestedBroker> {
  const place = await makePlace('nats');
  const [mqtt, web, client, cluster] = [
    await freePorts(3),
    await freePorts(3),
    await freePorts(3),
    await freePorts(3),
  ];
  const routes = cluster.map((port) => `nats-route://127.0.0.1:${port}`).join(', ');
  const start = async (node: number): Promise<Running> => {
    const directory = `${place.directory}/${node}`;
    const [file] = natsConfig({
      devices: parseDevices(DEVICES),
      listen: { host: '127.0.0.1', port: mqtt[node] ?? 0 },
      websocket: { host: '127.0.0.1', port: web[node] ?? 0 },
      directory,
    });
    const text = (file?.text ?? '')
      .replace('"cutpoint-1"', `"cutpoint-${node}"`)
      .replace('127.0.0.1:4222', `127.0.0.1:${client[node]}`)
      .replace(/^mqtt \{ /m, 'mqtt { stream_replicas: 3, ');
    const more = `cluster { name: cutpoint, listen: "127.0.0.1:${cluster[node]}", routes: [ ${routes} ] }\n`;
    const path = await place.write(`${node}.conf`, text + more);
    const ports = [mqtt[node] ?? 0];
    return await startProgram({
      command: '/usr/sbin/nats-server',
      args: ['-c', path],
      cwd: place.directory,
      ports,
    });
  };
  let servers = await Promise.all(NODES.map(start));
  return {
    name: `three NATS ${packageVersion('nats-server')}`,
    gatewayUrl: `mqtt://127.0.0.1:${mqtt[0]}`,
    deviceUrl: `mqtt://127.0.0.1:${mqtt[2]}`,
    webSocketUrl: `ws://127.0.0.1:${web[2]}/mqtt`,
    hasLogins: true,
    // The gateway's node alone.
    restart: async () => {
      await servers[0]?.kill();
      servers = [await start(0), ...servers.slice(1)];
    },
    close: async () => {
      await Promise.all(servers.map((server) => server.kill()));
      await place.remove();
    },
  };
}
