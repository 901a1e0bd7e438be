/** The Transport port: publish and subscribe by topic. Adapters: mqtt.ts and memory.ts; suite.ts holds for each. */

export interface Transport {
  /** Largest packet in bytes that the other side says it takes; `Infinity` where it says nothing. */
  readonly maxPacketBytes: number;
  readonly isConnected: boolean;
  /**
   * At most once, in order per connection. Resolves when the bytes have been handed to the connection.
   * @throws SplitError `broker-unreachable` when not connected, `payload-too-large` over maxPacketBytes, `closed`
   */
  publish(topic: string, payload: Uint8Array, options?: PublishOptions): Promise<void>;
  /** MQTT filters (`+`, `#`). Renewed by itself after every reconnect. */
  subscribe(filter: string, receive: Receive): Promise<Subscription>;
  /** Calls back on every connect (also the first) and every loss, until the returned function is called. */
  onStateChange(listener: (state: 'connected' | 'lost') => void): () => void;
  close(): Promise<void>;
}

export interface PublishOptions {
  /** Kept by the broker for later subscribers. @default false */
  readonly retain?: boolean;
}

/** `payload` may be kept as it is: nobody writes to it again. It may be a view of a larger piece of memory. */
export type Receive = (topic: string, payload: Uint8Array) => void;

export interface Subscription {
  close(): Promise<void>;
}

/** A message that the broker publishes for us when the connection dies without a goodbye. */
export interface Will {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly retain: boolean;
}
