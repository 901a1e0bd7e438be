/** One gateway as a process behind a Mosquitto and an emulated link, and sessions before the link that keep both ends of a model. */
import { createSplitSession, type SplitArm, type SplitSession } from '@cutpoint/sdk/node';
import { createLink, type Link } from '@cutpoint/sdk/testing';
import type { Cut } from '../../sdk/src/cut/cut.ts';
import { type ModelOfFolder, makeModelFolder, startGatewayProcess } from './gateway-process.ts';
import { startMosquitto } from './mosquitto.ts';
import { type Throttle, throttle } from './throttled.ts';

export interface UWorld {
  readonly link: Link;
  /** The gateway's share of its processor. */
  readonly gateway: Throttle;
  /** The broker itself, behind the link. */
  readonly brokerUrl: string;
  /** Path of the model's file. */
  readonly model: string;
  open(options: object): Promise<SplitSession>;
  close(): Promise<void>;
}

export interface UWorldOptions extends ModelOfFolder {
  /** Ids of the cuts to offer besides those that are offered anyway. @default none */
  readonly cuts?: readonly string[];
  readonly maxCuts: number;
}

const NAME = 'net';

export async function startUWorld({ model, inputs, cuts = [], maxCuts }: UWorldOptions): Promise<UWorld> {
  const folder = await makeModelFolder();
  await folder.add(NAME, model, { inputs, cuts });
  const mosquitto = await startMosquitto();
  const link = await createLink({ targetPort: mosquitto.port, uplink: {}, downlink: {} });
  const args = ['--models', folder.path, '--broker', mosquitto.url, '--threads', '1'];
  const process = await startGatewayProcess([...args, '--max-cuts', `${maxCuts}`]);
  const gateway = throttle(process.pid);
  const sessions: SplitSession[] = [];
  return {
    ...{ link, gateway, brokerUrl: mosquitto.url, model: folder.model(NAME) },
    async open(options) {
      const session = await createSplitSession(folder.model(NAME), {
        ...{ broker: `mqtt://127.0.0.1:${link.port}`, model: NAME, inputShapes: inputs, threads: 1 },
        ...{ inputs: 'stay', outputs: 'stay', deadlineMs: 20_000, maxCuts: maxCuts + cuts.length },
        ...options,
      });
      sessions.push(session);
      return session;
    },
    async close() {
      gateway.stop();
      await Promise.all(sessions.map((session) => session.release()));
      await process.kill('SIGTERM');
      await link.close();
      await mosquitto.close();
      await folder.remove();
    },
  };
}

export const isU = (arm: SplitSession['arms'][number] | undefined): arm is SplitArm & { readonly to: Cut } =>
  arm?.kind === 'split' && arm.to !== undefined;
