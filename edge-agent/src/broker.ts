/** All that the agent does over its own connection to the broker: fleet, health, results, inputs. */
import { join } from 'node:path';
import { SplitError } from '@cutpoint/sdk';
import type { AgentOptions, Link, ModelWork } from './agent.ts';
import type { AgentConfig } from './config.ts';
import type { Disk } from './disk/disk.ts';
import { createDesiredWork, type DesiredState } from './fleet/desired.ts';
import { type Fleet, startFleet } from './fleet/fleet.ts';
import { startHealth } from './fleet/health.ts';
import { answer, failureOf, readLabels } from './inputs/answer.ts';
import { openMqttInputs } from './inputs/mqtt-inputs.ts';
import { createStoredInputs, isCloudAway, type StoredInput } from './inputs/stored-inputs.ts';
import { openWatchFolder } from './inputs/watch-folder.ts';
import type { Models } from './models/models.ts';
import { openDiskQueue } from './queue/disk-queue.ts';
import { announceToHomeAssistant } from './results/home-assistant.ts';
import { createOutbox } from './results/outbox.ts';
import { readLogLines } from './service/read-log.ts';
import { type AgentStatus, agentStatus, report, type StatusParts } from './status.ts';

export interface Broker {
  changed(): void;
  /** Keeps an input until the cloud is back. @throws SplitError `storage-failed`, `payload-too-large` */
  store(input: StoredInput): Promise<number>;
  queues(): AgentStatus['queues'];
  desired(): DesiredState | undefined;
  stop(): Promise<void>;
}

export interface BrokerOptions extends AgentOptions, Link {
  readonly config: AgentConfig;
  readonly disk: Disk;
  readonly models: Models;
  readonly parts: StatusParts;
  readonly work: ModelWork;
}

const HOUR_MS = 3_600_000;
const HEALTH_MIN_PAUSE_MS = 10_000;

export async function startBroker(o: BrokerOptions): Promise<Broker> {
  const { config, disk, models, transport, topics, log } = o;
  const { now } = o.parts;
  const names = [...models.all.keys()];
  const stops: (() => unknown)[] = [];
  const limits = { maxBytes: config.queue.maxBytes, maxAgeMs: config.queue.maxAgeHours * HOUR_MS };
  const openQueue = (name: string) =>
    openDiskQueue({ disk, folder: join(config.state, name), ...limits, now });
  const labels = new Map<string, readonly string[]>();
  for (const name of names) labels.set(name, await readLabels(config.models[name]?.labels));

  const inputs = await openQueue('inputs');
  const outbox = await createOutbox({
    queue: await openQueue('outbox'),
    transport,
    echoTopic: topics.echo,
    forgetInput: inputs.take,
  });
  const answerOf = ({ model, body }: StoredInput, signal: AbortSignal) =>
    answer({ host: models.find(model).host, body, signal, labels: labels.get(model) ?? [], nowMs: now() });
  const failed = ({ model, body }: StoredInput, error: unknown) =>
    failureOf(error, { model, at: new Date(now()).toISOString(), ...idOf(body.json) });
  const stored = await createStoredInputs({
    queue: inputs,
    outbox,
    topicOf: topics.result,
    answer: answerOf,
    failed,
  });
  stops.push(
    () => outbox.stop(),
    () => stored.stop(),
  );

  // What is wanted may come before all is ready to tell of it.
  let fleet: Fleet | undefined;
  const desired = await createDesiredWork({
    disk,
    path: join(config.state, 'desired.json'),
    models,
    sourceOf: o.work.sourceOf,
    onChange: () => fleet?.changed(),
  });
  const own = await startFleet({
    transport,
    topics,
    desired,
    commands: commandsOf(o),
    birth: () => ({ state: 'online', agent: o.version, models: names, startedAt: iso(o.parts.startedAtMs) }),
    report: () => report(o.parts),
    log,
  });
  fleet = own;
  stops.push(() => own.stop());
  stops.push(
    await startHealth({
      disk,
      path: join(config.state, 'health.json'),
      transport,
      topic: topics.health,
      budget: { bytesPerDay: config.fleet.healthBytesPerDay, minPauseMs: HEALTH_MIN_PAUSE_MS },
      document: async () => ({ at: iso(now()), ...(await agentStatus(o.parts)) }),
      now,
    }),
  );

  const stopping = new AbortController();
  if (config.mqttInputs) {
    const inputs = await openMqttInputs({
      transport,
      topics,
      models: names,
      onInput: (model, body) => onInput({ model, body }),
      onRefused: (model, error) => void refuse({ model, body: NOTHING }, error),
    });
    stops.push(() => inputs.close());
  }
  const watch = config.watch && (await openWatch(config.watch));
  stops.push(() => watch?.stop());
  if (config.homeAssistant !== undefined) {
    const options = { transport, prefix: config.homeAssistant, device: o.device, version: o.version, topics };
    stops.push(await announceToHomeAssistant({ ...options, models: names }));
  }

  /** Answered, or stored where only the cloud is missing, or refused: one of them, once. */
  async function onInput(input: StoredInput): Promise<void> {
    try {
      const json = await answerOf(input, stopping.signal);
      await outbox.put({ topic: topics.result(input.model), json });
    } catch (error) {
      if (stopping.signal.aborted) return;
      if (isCloudAway(error)) await stored.put(input).catch((full: unknown) => refuse(input, full));
      else await refuse(input, error);
    }
  }

  async function refuse(input: StoredInput, error: unknown): Promise<void> {
    const result = { topic: topics.result(input.model), json: failed(input, error) };
    await outbox.put(result).catch((full: unknown) => log.error({ full }, 'a result is lost'));
  }

  function openWatch({ folder, model }: NonNullable<AgentConfig['watch']>) {
    const { host } = models.find(model);
    return openWatchFolder({
      disk,
      folder,
      inputName: () => host.current?.session.inputNames[0] ?? 'input',
      answer: async (body, signal) => {
        const json = await answerOf({ model, body }, signal);
        if (config.homeAssistant !== undefined) await outbox.put({ topic: topics.result(model), json });
        return json;
      },
      failed: (error) => failed({ model, body: NOTHING }, error),
      ...limits,
      now,
    });
  }

  return {
    changed: () => own.changed(),
    store: (input) => stored.put(input),
    queues: () => ({
      results: outbox.state(),
      inputs: stored.state(),
      ...(watch && { watch: watch.state() }),
    }),
    desired: () => desired.state,
    async stop() {
      stopping.abort();
      for (const stop of stops.reverse()) await stop();
    },
  };
}

function commandsOf({ models, parts, work, config, onRestart }: BrokerOptions) {
  const named = (model: string | undefined): string => {
    const [only, ...others] = models.all.keys();
    const name = model ?? (others.length === 0 ? only : undefined);
    if (name !== undefined) return name;
    throw new SplitError('options-invalid', 'model: expected a name, because there are several');
  };
  return async (command: import('./fleet/commands.ts').Command): Promise<unknown> => {
    switch (command.command) {
      case 'ping':
        return undefined;
      case 'status':
        return await agentStatus(parts);
      case 'logs':
        return await readLogLines(config, command.lines ?? 50);
      case 'rollback':
        return await work.rollBack(named(command.model));
      case 'update': {
        const { updater } = models.find(named(command.model));
        if (!command.bundle)
          throw new SplitError('options-invalid', 'bundle: expected https://… or mqtt:FOLDER');
        const source = await work.sourceOf(command.bundle);
        return await updater.update({ source, isLocal: false }).finally(() => source.close());
      }
      case 'doctor':
        return await (await import('./doctor/examine.ts')).examine(config, { isRunning: true });
      case 'restart':
        // After the answer has gone out.
        setTimeout(() => onRestart?.(), 500);
        return undefined;
    }
  };
}

const NOTHING = { json: undefined, binary: new Uint8Array(0) };

function idOf(body: unknown): { id?: string } {
  const id = (body as { id?: unknown } | undefined)?.id;
  return typeof id === 'string' ? { id } : {};
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
