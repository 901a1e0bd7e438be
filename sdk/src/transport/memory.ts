/** A broker in memory: topics, filters, retained messages and wills, without a network. Faults are seeded. */
import { SplitError } from '../errors.ts';
import { matchesFilter } from './topic-filter.ts';
import type { PublishOptions, Receive, Subscription, Transport, Will } from './transport.ts';

/** What may befall a message that is not retained. Shares from 0 to 1. @default 0 */
export interface MemoryFaults {
  readonly loss?: number;
  readonly duplication?: number;
  /** Share of messages that are held back for a millisecond while others pass. */
  readonly reorder?: number;
  /** @default 1 */
  readonly seed?: number;
}

export interface MemoryBrokerOptions {
  readonly faults?: MemoryFaults;
  /** @default Infinity */
  readonly maxPacketBytes?: number;
}

export interface MemoryTransport extends Transport {
  /** The connection dies without a goodbye: the will is published. */
  drop(): void;
  /** Connects again after `drop`. */
  reconnect(): void;
}

export interface MemoryBroker {
  connect(options?: { readonly will?: Will }): MemoryTransport;
  /** Every connection dies and no will is heard; retained messages are gone. All connect again on `start`. */
  stop(): void;
  start(): void;
}

/** What all connections share. */
interface Hub {
  readonly connections: Set<Connection>;
  readonly retained: Map<string, Uint8Array>;
  readonly fault: (kind: 'loss' | 'duplication' | 'reorder') => boolean;
  readonly maxPacketBytes: number;
  isRunning: boolean;
}

export function memoryBroker(options: MemoryBrokerOptions = {}): MemoryBroker {
  const hub: Hub = {
    connections: new Set(),
    retained: new Map(),
    fault: faults(options.faults ?? {}),
    maxPacketBytes: options.maxPacketBytes ?? Number.POSITIVE_INFINITY,
    isRunning: true,
  };
  return {
    connect: ({ will } = {}) => new Connection(hub, will),
    stop: () => {
      hub.isRunning = false;
      hub.retained.clear();
      for (const connection of hub.connections) connection.drop();
    },
    start: () => {
      hub.isRunning = true;
      for (const connection of hub.connections) connection.reconnect();
    },
  };
}

class Connection implements MemoryTransport {
  readonly #hub: Hub;
  readonly #will: Will | undefined;
  readonly #subscriptions = new Set<{ readonly filter: string; readonly receive: Receive }>();
  readonly #listeners = new Set<(state: 'connected' | 'lost') => void>();
  #isConnected: boolean;
  #isClosed = false;

  constructor(hub: Hub, will: Will | undefined) {
    this.#hub = hub;
    this.#will = will;
    this.#isConnected = hub.isRunning;
    hub.connections.add(this);
  }

  get maxPacketBytes(): number {
    return this.#hub.maxPacketBytes;
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  async publish(topic: string, payload: Uint8Array, options: PublishOptions = {}): Promise<void> {
    if (this.#isClosed) throw new SplitError('closed', 'the transport is closed');
    if (!this.#isConnected) throw new SplitError('broker-unreachable', 'the memory broker is not connected');
    if (topic.length + payload.length > this.maxPacketBytes) {
      const bytes = topic.length + payload.length;
      throw new SplitError('payload-too-large', `packet of ${bytes} bytes exceeds ${this.maxPacketBytes}`);
    }
    route(this.#hub, topic, new Uint8Array(payload), options.retain ?? false);
  }

  async subscribe(filter: string, receive: Receive): Promise<Subscription> {
    if (this.#isClosed) throw new SplitError('closed', 'the transport is closed');
    const subscription = { filter, receive };
    this.#subscriptions.add(subscription);
    if (this.#isConnected) this.#sendRetained(filter);
    return {
      close: async () => {
        this.#subscriptions.delete(subscription);
      },
    };
  }

  onStateChange(listener: (state: 'connected' | 'lost') => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#isConnected = false;
    this.#hub.connections.delete(this);
  }

  drop(): void {
    if (!this.#isConnected) return;
    this.#isConnected = false;
    if (this.#will) route(this.#hub, this.#will.topic, new Uint8Array(this.#will.payload), this.#will.retain);
    for (const listener of this.#listeners) listener('lost');
  }

  reconnect(): void {
    if (this.#isConnected || this.#isClosed || !this.#hub.isRunning) return;
    this.#isConnected = true;
    for (const { filter } of this.#subscriptions) this.#sendRetained(filter);
    for (const listener of this.#listeners) listener('connected');
  }

  receive(topic: string, payload: Uint8Array): void {
    if (!this.#isConnected) return;
    for (const { filter, receive } of this.#subscriptions)
      if (matchesFilter(filter, topic)) receive(topic, payload);
  }

  #sendRetained(filter: string): void {
    for (const [topic, payload] of this.#hub.retained) {
      if (matchesFilter(filter, topic)) queueMicrotask(() => this.receive(topic, payload));
    }
  }
}

function route(hub: Hub, topic: string, payload: Uint8Array, retain: boolean): void {
  if (!hub.isRunning) return;
  const deliver = () => {
    for (const connection of hub.connections) connection.receive(topic, payload);
  };
  if (retain) {
    if (payload.length === 0) hub.retained.delete(topic);
    else hub.retained.set(topic, payload);
    queueMicrotask(deliver);
    return;
  }
  if (hub.fault('loss')) return;
  if (hub.fault('reorder')) setTimeout(deliver, 1);
  else queueMicrotask(deliver);
  if (hub.fault('duplication')) queueMicrotask(deliver);
}

/** A small linear congruential generator: the same seed gives the same faults. */
function faults(shares: MemoryFaults): Hub['fault'] {
  let state = (shares.seed ?? 1) >>> 0;
  return (kind) => {
    const share = shares[kind] ?? 0;
    if (share === 0) return false;
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32 < share;
  };
}
