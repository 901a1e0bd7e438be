/** Makes the exchange for one message to a gateway: its id, its parts, its topic. */
import type { Clock } from '../clock.ts';
import { SplitError } from '../errors.ts';
import type { RequestSeal } from '../protocol/v1/sealed.ts';
import { isId, type Topics } from '../protocol/v1/topics.ts';
import type { WaitOptions } from './gateway-directory.ts';
import { tensorFields } from './named-frames.ts';
import type { Outbox } from './outbox.ts';
import type { OutgoingRequest } from './outgoing-request.ts';
import { cutIntoParts, partBytesFor } from './parts.ts';
import { createExchange, type Exchange, type ExchangeOptions } from './request-exchange.ts';
import type { Transport } from './transport.ts';

export interface ExchangeMakerOptions {
  readonly transport: Transport;
  readonly topics: Topics;
  readonly deviceId: string;
  readonly clock: Clock;
  readonly outbox: Outbox;
  readonly chunkBytes: number;
  randomId(): string;
  onCancel(gateway: string, id: string): void;
}

export interface ExchangeMaker {
  request(gateway: string, request: OutgoingRequest, wait: WaitOptions, closed?: Closed): Exchange;
  newId(): string;
  /** @param bytes of nothing, for the link to be seen by */
  probe(gateway: string, bytes: number, wait: WaitOptions): Exchange;
}

/** A request whose payload was encrypted, under the id that it was encrypted for. */
export interface Closed {
  readonly id: string;
  readonly seal: RequestSeal;
  readonly payload: Uint8Array;
}

/** Parts of a probe: fewer say little of the rate. */
const PROBE_PARTS = 8;

export function createExchangeMaker(options: ExchangeMakerOptions): ExchangeMaker {
  const { transport, topics, deviceId, clock, outbox, chunkBytes } = options;

  function newId(): string {
    const id = options.randomId();
    if (isId(id)) return id;
    const text = `randomId gave '${id}', which is not 1 to 64 letters or digits`;
    throw new SplitError('options-invalid', text);
  }

  function make(
    gateway: string,
    message: { readonly head: ExchangeOptions['head']; readonly frames: readonly Uint8Array[] },
    { deadlineMs, signal, mostPartBytes = chunkBytes }: WaitOptions & { readonly mostPartBytes?: number },
  ): Exchange {
    const { head, frames } = message;
    const parts = cutIntoParts(frames, partBytesFor(mostPartBytes, transport.maxPacketBytes, head));
    const topic = topics.request(gateway, deviceId);
    const onCancel = () => options.onCancel(gateway, head.id);
    return createExchange({
      ...{ id: head.id, gateway, topic, head, parts, deadlineMs, signal },
      ...{ transport, outbox, clock, onCancel },
    });
  }

  return {
    newId,
    request: (gateway, { tensors, to, route, traceparent, dataClass, ...fields }, wait, closed) => {
      const { id, seal } = closed ?? { id: newId() };
      // CBOR would write what is undefined.
      const where = { ...(to !== undefined && { to }), ...(route !== undefined && { route }) };
      const about = {
        ...(traceparent !== undefined && { traceparent }),
        ...(dataClass !== undefined && { dataClass }),
      };
      const traced = { ...fields, ...where, ...about };
      const plain = { v: 1, t: 'request', id, ...traced, tensors: tensorFields(tensors) } as const;
      const head = seal ? { ...plain, seal } : plain;
      const frames = closed ? [closed.payload] : tensors.map(({ frame }) => frame);
      return make(gateway, { head, frames }, wait);
    },
    probe: (gateway, bytes, wait) => {
      const head = { v: 1, t: 'probe', id: newId() } as const;
      const mostPartBytes = Math.min(chunkBytes, Math.max(1024, Math.ceil(bytes / PROBE_PARTS)));
      return make(gateway, { head, frames: [new Uint8Array(bytes)] }, { ...wait, mostPartBytes });
    },
  };
}
