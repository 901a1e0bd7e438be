/** Gateways in a row as processes at one Mosquitto: fogs that hand on, clouds that end the row, and sessions before them. */
import { createSplitSession, type SplitSession } from '@cutpoint/sdk/node';
import {
  type GatewayProcess,
  type ModelFolder,
  type ModelOfFolder,
  makeModelFolder,
  startGatewayProcess,
} from './gateway-process.ts';
import { type Mosquitto, startMosquitto } from './mosquitto.ts';

export interface PipelineWorld {
  readonly folder: ModelFolder;
  readonly broker: Mosquitto;
  /** By the gateway's id. */
  readonly gateways: ReadonlyMap<string, GatewayProcess>;
  /** Kills the process as a power cut would, and waits for its end. */
  kill(id: string): Promise<void>;
  open(model: string, options: object): Promise<SplitSession>;
  close(): Promise<void>;
}

export interface PipelineOptions {
  readonly models: Readonly<Record<string, ModelOfFolder>>;
  readonly fogs: readonly string[];
  readonly clouds: readonly string[];
  readonly maxCuts: number;
  /** Further flags of every gateway. @default none */
  readonly further?: readonly string[];
}

export async function startPipeline(o: PipelineOptions): Promise<PipelineWorld> {
  const folder = await makeModelFolder(o.models);
  const broker = await startMosquitto();
  const start = async (id: string, further: readonly string[]) => {
    const args = ['--models', folder.path, '--broker', broker.url, '--id', id, '--threads', '1'];
    const process = await startGatewayProcess([
      ...args,
      '--max-cuts',
      `${o.maxCuts}`,
      ...(o.further ?? []),
      ...further,
    ]);
    return [id, process] as const;
  };
  const gateways = new Map(
    await Promise.all([
      ...o.fogs.map((id) => start(id, ['--next', 'own'])),
      ...o.clouds.map((id) => start(id, [])),
    ]),
  );
  const sessions: SplitSession[] = [];
  const kill = async (id: string) => {
    await gateways.get(id)?.kill('SIGKILL');
    gateways.delete(id);
  };
  return {
    ...{ folder, broker, gateways, kill },
    async open(model, options) {
      const session = await createSplitSession(folder.model(model), {
        ...{ broker: broker.url, model, inputShapes: o.models[model]?.inputs, threads: 1 },
        ...{ profiles: ['float32'], fallback: 'none', deadlineMs: 20_000 },
        ...options,
      });
      sessions.push(session);
      return session;
    },
    async close() {
      await Promise.all(sessions.map((session) => session.release()));
      await Promise.all([...gateways.keys()].map(kill));
      await broker.close();
      await folder.remove();
    },
  };
}
