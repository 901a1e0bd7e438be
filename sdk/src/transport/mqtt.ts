/** The Transport over MQTT 3.1.1 or 5, QoS 0, on MQTT.js. Deadlines, retries and dedupe live above, in request-*.ts. */

import type { IConnackPacket, MqttClient } from 'mqtt';
import mqtt from 'mqtt';
import { SplitError } from '../errors.ts';
import { asBuffer, clientOptions, type MqttOptions, withoutLogin } from './mqtt-options.ts';
import { matchesFilter } from './topic-filter.ts';
import type { PublishOptions, Receive, Subscription, Transport } from './transport.ts';

export type { MqttOptions } from './mqtt-options.ts';

const LONGEST_RECONNECT_MS = 5_000;

/** Fixed header, topic length and property length of a PUBLISH, at most. */
const PUBLISH_BYTES = 1 + 4 + 2 + 1;

/**
 * Connects, or fails at the first refusal.
 * @throws SplitError `broker-unreachable`: nobody there, login refused, or no answer within connectTimeoutMs
 */
export async function connectMqtt(options: MqttOptions): Promise<Transport> {
  const transport = new MqttTransport(options);
  try {
    await transport.connected();
    return transport;
  } catch (error) {
    await transport.close();
    throw error;
  }
}

/** Begins to connect and goes on trying; until then `publish` throws, and subscriptions wait. */
export function openMqtt(options: MqttOptions): Transport {
  return new MqttTransport(options);
}

class MqttTransport implements Transport {
  readonly #client: MqttClient;
  readonly #options: MqttOptions;
  readonly #place: string;
  readonly #subscriptions = new Set<{ readonly filter: string; readonly receive: Receive }>();
  readonly #listeners = new Set<(state: 'connected' | 'lost') => void>();
  /** Rejects publishes that MQTT.js will never call back, because their connection went away. */
  readonly #unfinished = new Set<(error: SplitError) => void>();
  /** Came before all subscriptions were renewed: nobody shall act on one while publishes are refused. */
  #early: { readonly topic: string; readonly payload: Uint8Array }[] = [];
  #maxPacketBytes: number;
  #isReady = false;
  #isClosed = false;
  #failures = 0;

  constructor(options: MqttOptions) {
    this.#options = options;
    this.#place = withoutLogin(options.url);
    this.#maxPacketBytes = options.maxPacketBytes ?? Number.POSITIVE_INFINITY;
    this.#client = mqtt.connect(options.url, clientOptions(options));
    this.#client.on('connect', (packet) => void this.#onConnect(packet));
    this.#client.on('close', () => this.#onClose());
    this.#client.on('message', (topic, payload) => this.#onMessage(topic, asBytes(payload)));
    // Refusals while reconnecting are followed by the next attempt; connected() hears of the first.
    this.#client.on('error', () => {});
  }

  get maxPacketBytes(): number {
    return this.#maxPacketBytes;
  }

  get isConnected(): boolean {
    return this.#isReady;
  }

  /** Resolves on the first connect, rejects on the first failure. */
  connected(): Promise<void> {
    const limitMs = this.#options.connectTimeoutMs ?? 3_000;
    return new Promise((resolve, reject) => {
      const fail = (cause?: unknown) => reject(this.#unreachable(reason(cause, limitMs), cause));
      const timer = setTimeout(fail, limitMs);
      const stop = this.onStateChange((state) => {
        clearTimeout(timer);
        stop();
        if (state === 'connected') resolve();
        else fail(new Error('connection closed'));
      });
      this.#client.once('error', (error) => {
        clearTimeout(timer);
        fail(error);
      });
    });
  }

  publish(topic: string, payload: Uint8Array, options: PublishOptions = {}): Promise<void> {
    const bytes = PUBLISH_BYTES + new TextEncoder().encode(topic).length + payload.length;
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(new SplitError('closed', 'the transport is closed'));
      if (!this.#isReady) return reject(this.#unreachable('not connected'));
      if (bytes > this.#maxPacketBytes) {
        const text = `packet of ${bytes} bytes exceeds ${this.#maxPacketBytes} of ${this.#place}`;
        return reject(new SplitError('payload-too-large', text));
      }
      this.#unfinished.add(reject);
      this.#client.publish(topic, asBuffer(payload), { qos: 0, retain: options.retain ?? false }, (error) => {
        this.#unfinished.delete(reject);
        if (error) reject(this.#unreachable(error.message, error));
        else resolve();
      });
    });
  }

  async subscribe(filter: string, receive: Receive): Promise<Subscription> {
    if (this.#isClosed) throw new SplitError('closed', 'the transport is closed');
    const subscription = { filter, receive };
    this.#subscriptions.add(subscription);
    try {
      if (this.#client.connected) await this.#request([filter]);
    } catch (error) {
      this.#subscriptions.delete(subscription);
      throw error;
    }
    return { close: () => this.#unsubscribe(subscription) };
  }

  onStateChange(listener: (state: 'connected' | 'lost') => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#isReady = false;
    // Without a connection there is nobody to say goodbye to, and waiting for it would not end.
    await this.#client.endAsync(!this.#client.connected);
    this.#rejectUnfinished();
  }

  async #onConnect(packet: IConnackPacket): Promise<void> {
    // Nagle's algorithm would hold small packets back for 40 ms and more. Each reconnect has a new socket.
    setNoDelay(this.#client.stream);
    const limit = packet.properties?.maximumPacketSize ?? Number.POSITIVE_INFINITY;
    this.#maxPacketBytes = Math.min(limit, this.#options.maxPacketBytes ?? Number.POSITIVE_INFINITY);
    try {
      const filters = [...new Set([...this.#subscriptions].map(({ filter }) => filter))];
      if (filters.length > 0) await this.#request(filters);
    } catch {
      // A broker that takes the login but not the subscriptions is of no use: try again, as for a lost one.
      this.#client.stream.destroy();
      return;
    }
    if (this.#isClosed || !this.#client.connected) return;
    this.#failures = 0;
    this.#isReady = true;
    this.#notify('connected');
    for (const { topic, payload } of this.#early.splice(0)) this.#deliver(topic, payload);
  }

  #onClose(): void {
    const pause = Math.min((this.#options.reconnectMs ?? 200) * 2 ** this.#failures, LONGEST_RECONNECT_MS);
    this.#client.options.reconnectPeriod = Math.round(pause * (0.75 + Math.random() / 2));
    this.#failures += 1;
    this.#early = [];
    this.#rejectUnfinished();
    if (!this.#isReady) return;
    this.#isReady = false;
    this.#notify('lost');
  }

  #onMessage(topic: string, payload: Uint8Array): void {
    if (this.#isReady) this.#deliver(topic, payload);
    else this.#early.push({ topic, payload });
  }

  #deliver(topic: string, payload: Uint8Array): void {
    for (const { filter, receive } of this.#subscriptions) {
      if (!matchesFilter(filter, topic)) continue;
      try {
        receive(topic, payload);
      } catch (error) {
        // A throw here would end MQTT.js's stream and with it everyone's connection: out of its stack.
        setTimeout(() => {
          throw error;
        }, 0);
      }
    }
  }

  async #request(filters: readonly string[]): Promise<void> {
    const granted = await this.#client.subscribeAsync([...filters], { qos: 0 }).catch((cause: unknown) => {
      throw this.#unreachable(`subscription to ${filters.join(', ')} refused`, cause);
    });
    const refused = granted.find(({ qos }) => qos >= 128);
    if (refused) throw this.#unreachable(`subscription to ${refused.topic} refused`);
  }

  async #unsubscribe(subscription: { readonly filter: string; readonly receive: Receive }): Promise<void> {
    this.#subscriptions.delete(subscription);
    const isShared = [...this.#subscriptions].some(({ filter }) => filter === subscription.filter);
    if (isShared || !this.#isReady) return;
    // A connection lost meanwhile has forgotten the subscription as well.
    await this.#client.unsubscribeAsync(subscription.filter).catch(() => undefined);
  }

  #notify(state: 'connected' | 'lost'): void {
    for (const listener of [...this.#listeners]) listener(state);
  }

  #rejectUnfinished(): void {
    for (const reject of this.#unfinished) reject(this.#unreachable('connection lost'));
    this.#unfinished.clear();
  }

  #unreachable(what: string, cause?: unknown): SplitError {
    return new SplitError('broker-unreachable', `${this.#place}: ${what}`, { cause });
  }
}

/** A plain view: a Buffer's slice() does not copy as other arrays' do. */
function asBytes(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

function setNoDelay(stream: MqttClient['stream']): void {
  if ('setNoDelay' in stream && typeof stream.setNoDelay === 'function') stream.setNoDelay(true);
}

function reason(cause: unknown, limitMs: number): string {
  if (cause === undefined) return `no connection within ${limitMs} ms`;
  if (!(cause instanceof Error)) return String(cause);
  // Node gathers one error for each address of a host name, with an empty message of its own.
  const code = 'code' in cause ? String(cause.code) : '';
  return cause.message || code || cause.name;
}
