/** The agent as one of a fleet: presence, what is and what shall be, health, commands. */
import { asSplitError } from '@cutpoint/sdk';
import type { Transport } from '@cutpoint/sdk/gateway';
import type { Log } from '../service/log.ts';
import { type CommandWork, createCommands } from './commands.ts';
import { type DesiredWork, desiredSchema } from './desired.ts';
import { decodeJson, encodeJson } from './json-message.ts';
import type { AgentTopics } from './topics.ts';

export interface FleetOptions {
  readonly transport: Transport;
  readonly topics: AgentTopics;
  readonly desired: DesiredWork;
  readonly commands: CommandWork;
  /** Presence: who this is. */
  readonly birth: () => object;
  /** What is. */
  readonly report: () => object;
  readonly log: Log;
}

export interface Fleet {
  /** Something of what is reported has changed; it is told within a quarter of a second. */
  changed(): void;
  stop(): Promise<void>;
}

const GATHER_MS = 250;

/** The will of the transport says `offline`: see open-link.ts. */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const { transport, topics, log } = options;
  const answerCommand = createCommands(options.commands);
  let timer: NodeJS.Timeout | undefined;
  let refusedDesired: string | undefined;
  let told = '';

  const publish = (topic: string, value: object, retain: boolean) =>
    // A connection that is lost is followed by another, on which all of it is told anew.
    transport.publish(topic, encodeJson(value), { retain }).catch(() => undefined);

  async function report(): Promise<void> {
    const document = { ...options.report(), ...(refusedDesired && { desiredRefused: refusedDesired }) };
    const text = JSON.stringify(document);
    if (text === told || !transport.isConnected) return;
    told = text;
    await publish(topics.reported, document, true);
  }

  function changed(): void {
    timer ??= setTimeout(() => {
      timer = undefined;
      void report();
    }, GATHER_MS);
    timer.unref();
  }

  function onDesired(payload: Uint8Array): void {
    if (payload.length === 0) return; // The fleet has taken its wishes back.
    try {
      const desired = decodeJson(payload, desiredSchema);
      refusedDesired = undefined;
      log.info({ version: desired.version }, 'the fleet wants something');
      void options.desired.apply(desired);
    } catch (error) {
      refusedDesired = asSplitError(error).message;
      log.warn({ reason: refusedDesired }, 'what the fleet wants cannot be read');
      changed();
    }
  }

  async function onCommand(payload: Uint8Array): Promise<void> {
    const answer = await answerCommand(payload);
    if (answer === undefined) return;
    const { command, outcome, reason } = answer;
    log.info({ command, outcome, reason }, 'a command from afar');
    await publish(topics.answer, answer, false);
  }

  async function connected(): Promise<void> {
    told = '';
    await publish(topics.status, options.birth(), true);
    await report();
  }

  const stopListening = transport.onStateChange((state) => {
    if (state === 'connected') void connected();
  });
  const subscriptions = [
    await transport.subscribe(topics.desired, (_topic, payload) => onDesired(payload)),
    await transport.subscribe(topics.command, (_topic, payload) => void onCommand(payload)),
  ];
  if (transport.isConnected) await connected();
  return {
    changed,
    async stop() {
      clearTimeout(timer);
      stopListening();
      options.desired.stop();
      if (transport.isConnected) await publish(topics.status, { state: 'offline', reason: 'stopped' }, true);
      await Promise.all(subscriptions.map((subscription) => subscription.close()));
    },
  };
}
