/** Two gateways with one folder of models at one broker, and what operators do to them under load. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Announcement } from '../../sdk/src/protocol/v1/announcement.ts';
import { type FleetRequest, makeFleetRequests } from './device-fleet.ts';
import {
  connectDevice,
  type GatewayProcess,
  makeModelFolder,
  type SpawnOptions,
  startGatewayProcess,
} from './gateway-process.ts';
import { smallConvNet } from './models/small-conv-net.ts';
import { startMosquitto } from './mosquitto.ts';

export const GATEWAYS = ['gw-a', 'gw-b'] as const;
export type GatewayName = (typeof GATEWAYS)[number];

const SHAPE = [1, 3, 32, 32];

export interface TwoGateways {
  readonly broker: string;
  readonly requests: readonly FleetRequest[];
  pidOf(name: GatewayName): number;
  /** Asked to stop, waited for, and started again. @returns the exit code */
  restart(name: GatewayName): Promise<number | null>;
  /** Killed without a word, and started again. */
  killAndStart(name: GatewayName): Promise<void>;
  /** Safe to call twice. */
  close(): Promise<void>;
}

export async function startTwoGateways(options?: SpawnOptions): Promise<TwoGateways> {
  const folder = await makeModelFolder({ net: { model: smallConvNet(), inputs: { input: SHAPE } } });
  const mosquitto = await startMosquitto();
  const start = (id: GatewayName) =>
    startGatewayProcess(
      ['--models', folder.path, '--broker', mosquitto.url, '--id', id, '--threads', '1'],
      options,
    );
  const running = new Map<GatewayName, GatewayProcess>();
  const of = (name: GatewayName) => running.get(name) as GatewayProcess;
  const close = async () => {
    await Promise.all([...running.values()].map((gateway) => gateway.kill('SIGTERM')));
    await mosquitto.close();
    await folder.remove();
  };
  let requests: readonly FleetRequest[];
  try {
    for (const name of GATEWAYS) running.set(name, await start(name));
    const { models } = await announcementOf(mosquitto.url);
    requests = await makeFleetRequests(folder.model('net'), SHAPE, models[0] as (typeof models)[number]);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    broker: mosquitto.url,
    requests,
    pidOf: (name) => of(name).pid,
    async restart(name) {
      const code = await of(name).kill('SIGTERM');
      running.set(name, await start(name));
      return code;
    },
    async killAndStart(name) {
      await of(name).kill('SIGKILL');
      running.set(name, await start(name));
    },
    close,
  };
}

async function announcementOf(broker: string): Promise<Announcement> {
  const device = await connectDevice(broker);
  try {
    return await device.client.waitForGateway('net', { deadlineMs: 10_000 });
  } finally {
    await device.close();
  }
}

/** Waits until `isTrue`, however long the machine takes within reason. */
export async function until(isTrue: () => boolean, limitMs = 30_000): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!isTrue()) {
    if (performance.now() > endMs) throw new Error(`nothing came of it within ${limitMs} ms: ${isTrue}`);
    await sleep(20);
  }
}
