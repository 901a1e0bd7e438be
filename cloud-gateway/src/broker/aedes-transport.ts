/** The Transport port on the broker in this process: subscriptions and messages without a socket between. */
import { type Receive, SplitError, type Subscription, type Transport } from '@cutpoint/sdk/gateway';
import type { Aedes, AedesPublishPacket } from 'aedes';

type Deliver = (packet: AedesPublishPacket, done: () => void) => void;

/** The broker's store of retained messages, which its declarations leave out. */
interface WithRetained {
  readonly persistence: { createRetainedStream(filter: string): AsyncIterable<AedesPublishPacket> };
}

/** The transport lives as long as the broker; closing it ends its subscriptions and leaves the broker running. */
export function createAedesTransport(aedes: Aedes): Transport {
  const open = new Set<Subscription>();
  let isClosed = false;
  const check = () => {
    if (isClosed) throw new SplitError('closed', 'the transport to the broker in this process was closed');
    if (aedes.closed) throw new SplitError('broker-unreachable', 'the broker in this process has stopped');
  };
  return {
    maxPacketBytes: Number.POSITIVE_INFINITY,
    get isConnected() {
      return !isClosed && !aedes.closed;
    },
    async publish(topic, payload, options) {
      check();
      await publish(aedes, topic, payload, options?.retain ?? false);
    },
    async subscribe(filter, receive) {
      check();
      const subscription = await subscribe(aedes, filter, receive, () => open.delete(subscription));
      open.add(subscription);
      return subscription;
    },
    onStateChange: (listener) => watchState(aedes, listener),
    async close() {
      isClosed = true;
      await Promise.all([...open].map((subscription) => subscription.close()));
    },
  };
}

function publish(aedes: Aedes, topic: string, payload: Uint8Array, retain: boolean): Promise<void> {
  const view = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  // The store keeps a retained payload for good, and the caller may write to its buffer again.
  const packet = {
    cmd: 'publish',
    topic,
    payload: retain ? Buffer.from(view) : view,
    qos: 0,
    retain,
    dup: false,
  } as const;
  return new Promise((resolve, reject) => {
    aedes.publish(packet, (error) => {
      if (error)
        reject(
          new SplitError('broker-unreachable', `the broker refused ${topic}: ${error.message}`, {
            cause: error,
          }),
        );
      else resolve();
    });
  });
}

async function subscribe(
  aedes: Aedes,
  filter: string,
  receive: Receive,
  forget: () => void,
): Promise<Subscription> {
  let isOpen = true;
  const deliver: Deliver = (packet, done) => {
    // [MQTT-4.7.2-1] a filter that begins with a wildcard does not match the broker's own topics.
    const isHidden = packet.topic.startsWith('$') && !filter.startsWith('$');
    if (isOpen && !isHidden) receive(packet.topic, asBytes(packet.payload));
    done();
  };
  await new Promise<void>((resolve) => aedes.subscribe(filter, deliver, resolve));
  const { persistence } = aedes as unknown as WithRetained;
  for await (const packet of persistence.createRetainedStream(filter)) deliver(packet, () => {});
  return {
    close() {
      forget();
      if (!isOpen) return Promise.resolve();
      isOpen = false;
      return new Promise((resolve) => aedes.unsubscribe(filter, deliver, resolve));
    },
  };
}

function asBytes(payload: string | Buffer): Uint8Array {
  return typeof payload === 'string' ? Buffer.from(payload) : payload;
}

/** Connected from the first to the last moment, so there is only a loss to tell of. */
function watchState(aedes: Aedes, listener: (state: 'connected' | 'lost') => void): () => void {
  const onClosed = () => listener('lost');
  aedes.on('closed', onClosed);
  return () => void aedes.off('closed', onClosed);
}
