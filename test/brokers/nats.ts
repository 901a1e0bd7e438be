/** Three NATS servers, each as `broker-config` makes it and the routes to the others; device and gateway at different ones. */
import { parseDevices } from '../../sdk/src/access/devices.ts';
import { natsConfig } from '../../sdk/src/access/nats-config.ts';
import { DEVICES, PASSWORD, type TestedBroker } from './broker.ts';
import { freePorts, makePlace, packageVersion, type Running, startProgram } from './program.ts';
import type { BrokerNodes } from './two-regions.ts';

const NODES = [0, 1, 2] as const;

export async function startNats(): Promise<TestedBroker> {
  const cluster = await startCluster(DEVICES);
  return {
    name: cluster.name,
    gatewayUrl: cluster.url(0),
    deviceUrl: cluster.url(2),
    webSocketUrl: cluster.webSocketUrl(2),
    hasLogins: true,
    // The gateway's node alone.
    restart: async () => {
      await cluster.kill(0);
      await cluster.start(0);
    },
    close: cluster.close,
  };
}

/** A gateway for each region, and one device. */
const REGIONAL = {
  gateways: ['gw-eu', 'gw-us'].map((id) => ({ id, password: PASSWORD })),
  devices: [{ id: 'dev', password: PASSWORD }],
};

export async function startNatsNodes(): Promise<BrokerNodes> {
  const cluster = await startCluster(REGIONAL);
  return {
    name: cluster.name,
    urlOf: (node, who) =>
      cluster.url(node).replace('mqtt://', `mqtt://${who}:${encodeURIComponent(PASSWORD)}@`),
    kill: cluster.kill,
    start: cluster.start,
    close: cluster.close,
  };
}

interface Cluster {
  readonly name: string;
  url(node: number): string;
  webSocketUrl(node: number): string;
  kill(node: number): Promise<void>;
  /** Again, at the same addresses. */
  start(node: number): Promise<void>;
  close(): Promise<void>;
}

async function startCluster(devices: unknown): Promise<Cluster> {
  const place = await makePlace('nats');
  const [mqtt, web, client, cluster] = [
    await freePorts(3),
    await freePorts(3),
    await freePorts(3),
    await freePorts(3),
  ];
  const routes = cluster.map((port) => `nats-route://127.0.0.1:${port}`).join(', ');
  const launch = async (node: number): Promise<Running> => {
    const directory = `${place.directory}/${node}`;
    const [file] = natsConfig({
      devices: parseDevices(devices),
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
  const servers = await Promise.all(NODES.map(launch));
  return {
    name: `three NATS ${packageVersion('nats-server')}`,
    url: (node) => `mqtt://127.0.0.1:${mqtt[node]}`,
    webSocketUrl: (node) => `ws://127.0.0.1:${web[node]}/mqtt`,
    kill: async (node) => servers[node]?.kill(),
    start: async (node) => {
      servers[node] = await launch(node);
    },
    close: async () => {
      await Promise.all(servers.map((server) => server.kill()));
      await place.remove();
    },
  };
}
