/** A device's side: finds gateways, sends requests to one of them, and takes the replies. */
import type { Clock } from '../clock.ts';
import { asSplitError, SplitError } from '../errors.ts';
import { encodeEnvelope } from '../protocol/envelope.ts';
import { DEFAULT_CHUNK_BYTES, DEFAULT_MAX_PAYLOAD_BYTES, DEFAULT_WINDOW_BYTES } from '../protocol/limits.ts';
import type { Announcement } from '../protocol/v1/announcement.ts';
import type { MessageHeader } from '../protocol/v1/messages.ts';
import { topicsOf } from '../protocol/v1/topics.ts';
import { createClockProbe } from './clock-probe.ts';
import { createDeviceSeal, type DeviceKey } from './device-seal.ts';
import { createExchangeMaker } from './exchange-maker.ts';
import { createGatewayDirectory, type GatewayWait, type WaitOptions } from './gateway-directory.ts';
import type { GatewayGate } from './gateway-gate.ts';
import { rankGateways } from './gateway-ranking.ts';
import { splitFrames, tensorFields } from './named-frames.ts';
import { createOutbox } from './outbox.ts';
import { checkAnnounced, type OutgoingRequest, type Reply } from './outgoing-request.ts';
import { createReplyReceiver } from './reply-receiver.ts';
import { type ReplyTimings, replyTimings } from './reply-timings.ts';
import type { Exchange, ExchangeEnd } from './request-exchange.ts';
import type { Transport } from './transport.ts';

export type {
  AnnouncedCut,
  AnnouncedModel,
  Announcement,
  AnnouncementBody,
} from '../protocol/v1/announcement.ts';
export type { RouteStage, StageField } from '../protocol/v1/messages.ts';
export { INPUT_END, rangeMs, servesRange } from '../protocol/v1/ranges.ts';
export type { NamedFrame } from './named-frames.ts';
export type { OutgoingRequest, Reply } from './outgoing-request.ts';
export type { ReplyTimings } from './reply-timings.ts';

export interface RequestClientOptions {
  readonly transport: Transport;
  /** 1 to 64 letters, digits, `_` or `-`; the broker should let nobody else use it. */
  readonly deviceId: string;
  /** First level of all topics. @default 'cutpoint' */
  readonly namespace?: string;
  readonly clock: Clock;
  /** Payload bytes of one part of a large message. @default 64 KiB */
  readonly chunkBytes?: number;
  /** Bytes of a request that may be under way. @default 1 MiB */
  readonly windowBytes?: number;
  /** Largest request and largest reply. @default 64 MiB */
  readonly maxPayloadBytes?: number;
  /** Where the device is: gateways that announce the same are preferred. @default no preference */
  readonly region?: string;
  /** Encrypts payloads above TLS; gateways that take no sealed requests are not asked. @default in the clear */
  readonly encryption?: DeviceKey | undefined;
  /** Decides which gateways may be asked. @default all */
  readonly gate?: GatewayGate | undefined;
  /** An id that nobody can guess, of letters and digits. */
  randomId(): string;
}

export interface ClientStats {
  /** Replies to requests that had ended, or that came twice. */
  readonly lateReplies: number;
  /** Messages that could not be read. */
  readonly invalidMessages: number;
}

export interface ProbeOptions extends WaitOptions {
  /** 150,000 show a rate of 100 Mbit/s within a tenth. */
  readonly bytes: number;
}

export interface RequestClient {
  /** Subscribes and asks who is there. Works before the broker is reached; safe to call twice. */
  start(): Promise<void>;
  /** Gateways alive now, ready or draining, the one to ask first at the head. Empty while the broker is away. */
  gateways(): readonly Announcement[];
  /** Why those that the gate refused may not be asked; empty without a gate. */
  refusals(): readonly SplitError[];
  /** Hears every announcement, `offline` too, until the returned function is called. */
  onAnnouncement(listener: (announcement: Announcement) => void): () => void;
  /**
   * A gateway that is ready and serves the model.
   * @throws SplitError `broker-unreachable`, `gateway-unavailable`, `model-unknown`, `aborted`, and what the gate says
   */
  waitForGateway(model: string, options: GatewayWait): Promise<Announcement>;
  /**
   * @throws SplitError the gateway's own, or `broker-unreachable` without a connection, `gateway-unavailable` when it
   * goes away, `payload-too-large`, `deadline-exceeded`, `aborted`, `closed`, and what the gate says
   */
  request(gateway: string, request: OutgoingRequest, options: WaitOptions): Promise<Reply>;
  /**
   * Sends so many bytes for nothing but their timings: for a link that nobody has used for long.
   * @throws SplitError as `request` does
   */
  probe(gateway: string, options: ProbeOptions): Promise<ReplyTimings>;
  /** Of a small message to the gateway and back, in milliseconds; `undefined` before it was measured. */
  roundTripMs(gateway: string): number | undefined;
  /** By how much such times of late vary, in milliseconds; `undefined` before they were measured. */
  roundTripSpreadMs(gateway: string): number | undefined;
  stats(): ClientStats;
  /** Ends requests under way with `closed`. The transport stays open. */
  close(): Promise<void>;
}

/** Pauses between hellos while nobody is known. */
const FIRST_HELLO_MS = 500;
const LAST_HELLO_MS = 10_000;

/** @throws SplitError `options-invalid` for a device id or namespace of other letters than topics may have */
export function createRequestClient(options: RequestClientOptions): RequestClient {
  const { transport, clock, deviceId } = options;
  const { maxPayloadBytes = DEFAULT_MAX_PAYLOAD_BYTES, chunkBytes = DEFAULT_CHUNK_BYTES } = options;
  const topics = topicsOf(options.namespace ?? 'cutpoint');
  const replyTopic = topics.reply(deviceId);
  const exchanges = new Map<string, Exchange>();
  const directory = createGatewayDirectory(clock);
  const outbox = createOutbox(transport, options.windowBytes ?? DEFAULT_WINDOW_BYTES, clock);
  const maker = createExchangeMaker({
    ...{ transport, topics, deviceId, clock, outbox, chunkBytes },
    randomId: () => options.randomId(),
    onCancel: (gateway, id) => control(gateway, { v: 1, t: 'cancel', id }),
  });
  const probe = createClockProbe({ clock, randomId: options.randomId, send: control });
  const receiver = createReplyReceiver({
    clock,
    maxPayloadBytes,
    exchangeOf: (id) => exchanges.get(id),
    onAnnouncement: announced,
    onPong: probe.answered,
    sendCredit: control,
  });
  const { encryption, gate } = options;
  const refused = new Map<string, SplitError>();
  let examined: Promise<void> = Promise.resolve();
  const seal = encryption && createDeviceSeal(encryption, options.randomId());
  const closing = new AbortController();
  const undo: (() => void | Promise<void>)[] = [];
  let starting: Promise<void> | undefined;

  /** Small messages. What is lost here is asked for again, or made up for by a retry. */
  function control(gateway: string, header: MessageHeader): void {
    transport.publish(topics.request(gateway, deviceId), encodeEnvelope(header)).catch(() => undefined);
  }

  function sayHello(): void {
    transport.publish(topics.hello(deviceId), encodeEnvelope({ v: 1, t: 'hello' })).catch(() => undefined);
  }

  function announced(announcement: Announcement): void {
    // One after the other: what came later must not be overtaken by what took longer to look at.
    if (gate) examined = examined.then(() => admit(gate, announcement));
    else take(announcement);
  }

  async function admit(by: GatewayGate, announcement: Announcement): Promise<void> {
    const { gateway, state } = announcement;
    refused.delete(gateway);
    if (state === 'offline') by.forget(gateway);
    else await by.examine(announcement);
    const refusal = state === 'offline' ? undefined : by.refusal(gateway);
    if (!refusal) return take(announcement);
    refused.set(gateway, refusal);
    if (directory.get(gateway)) take({ ...announcement, state: 'offline' }, refusal);
  }

  function take(announcement: Announcement, why?: SplitError): void {
    const { gateway, state } = announcement;
    if (state === 'offline') {
      probe.forget(gateway);
      const error = why ?? wentAway(gateway);
      for (const exchange of exchanges.values()) if (exchange.gateway === gateway) exchange.fail(error);
    } else if (!directory.get(gateway)) probe.measure(gateway);
    directory.put(announcement);
  }

  function stateChanged(state: 'connected' | 'lost'): void {
    if (state === 'connected') {
      sayHello();
      for (const exchange of exchanges.values()) exchange.reconnected();
    } else {
      directory.forgetAll();
      refused.clear();
    }
  }

  async function start(): Promise<void> {
    undo.push(transport.onStateChange(stateChanged));
    const replies = await transport.subscribe(replyTopic, (_, bytes) => receiver.receive(bytes));
    undo.push(() => replies.close());
    const status = await transport.subscribe(topics.allStatus, (topic, bytes) => {
      const parsed = topics.parse(topic);
      if (parsed?.kind === 'status') receiver.receiveStatus(parsed.gateway, bytes);
    });
    undo.push(() => status.close());
    sayHello();
    // Ends by the rejection of its sleep, when the client is closed.
    keepAsking().catch(() => undefined);
  }

  /** A broker need not keep announcements, and a gateway's own may have been lost. */
  async function keepAsking(): Promise<void> {
    for (let pauseMs = FIRST_HELLO_MS; ; pauseMs = Math.min(pauseMs * 2, LAST_HELLO_MS)) {
      await clock.sleep(pauseMs, closing.signal);
      if (directory.alive().length === 0 && transport.isConnected) sayHello();
    }
  }

  async function exchangeWith(exchange: Exchange): Promise<{ end: ExchangeEnd; timings: ReplyTimings }> {
    const { id, gateway } = exchange;
    // It may have gone while the request was made ready: from here on its going ends the exchange.
    if (directory.hasLeft(gateway)) throw wentAway(gateway);
    exchanges.set(id, exchange);
    try {
      const end = await exchange.run();
      const timings = replyTimings({ ...end, offsetMs: probe.offsetMs(gateway) });
      probe.exchanged(gateway);
      return { end, timings };
    } catch (error) {
      directory.noteFailure(gateway, asSplitError(error).code);
      throw error;
    } finally {
      exchanges.delete(id);
      receiver.forget(id);
    }
  }

  /** @throws SplitError `encryption-required` where one side wants seals and the other has none */
  async function closeRequest(gateway: string, request: OutgoingRequest) {
    const announced = directory.get(gateway)?.seal;
    if (!seal && announced?.policy !== 'required') return undefined;
    if (!seal || !announced)
      throw new SplitError(
        'encryption-required',
        `${seal ? `gateway ${gateway}` : 'this device'} has no keys`,
      );
    const id = maker.newId();
    const fields = { ...request, id, gateway, device: deviceId, tensors: tensorFields(request.tensors) };
    const frames = request.tensors.map(({ frame }) => frame);
    return { id, ...(await seal.close(fields, announced.epoch, frames)) };
  }

  function check({ deadlineMs, signal }: WaitOptions): void {
    if (closing.signal.aborted) throw new SplitError('closed', 'the client is closed');
    if (signal?.aborted)
      throw new SplitError('aborted', 'the caller stopped the request', { cause: signal.reason });
    if (!(deadlineMs > 0))
      throw new SplitError('deadline-exceeded', `deadlineMs is ${deadlineMs}; nothing is left`);
    if (!transport.isConnected)
      throw new SplitError('broker-unreachable', 'there is no connection to the broker');
  }

  /** The last look before anything leaves. */
  function checkGate(gateway: string): void {
    const refusal = gate?.refusal(gateway);
    if (refusal) throw refusal;
  }

  return {
    start: () => {
      starting ??= start();
      return starting;
    },
    gateways: () => {
      const allowed = directory.alive().filter(({ gateway }) => !gate?.refusal(gateway));
      const known = allowed.map((announcement) => ({
        announcement,
        roundTripMs: probe.roundTripMs(announcement.gateway),
        hasFailed: directory.hasFailed(announcement.gateway),
      }));
      return rankGateways(known, { region: options.region, device: deviceId });
    },
    refusals: () => {
      const late = directory.alive().flatMap(({ gateway }) => gate?.refusal(gateway) ?? []);
      return [...refused.values(), ...late];
    },
    onAnnouncement: directory.onAnnouncement,
    waitForGateway: async (model, wait) => {
      try {
        return await directory.waitFor(model, wait);
      } catch (cause) {
        const [refusal] = refused.values();
        if (refusal && !wait.signal?.aborted && transport.isConnected) throw refusal;
        if (wait.signal?.aborted || transport.isConnected) throw cause;
        // As the caller said it, not what was left of it by then.
        const { limitMs = wait.deadlineMs } = wait;
        throw new SplitError('broker-unreachable', `no broker within ${Math.round(limitMs)} ms`, { cause });
      }
    },
    request: async (gateway, request, wait) => {
      check(wait);
      checkGate(gateway);
      checkAnnounced(request, directory.get(gateway), maxPayloadBytes);
      const closed = await closeRequest(gateway, request);
      checkGate(gateway);
      const { end, timings } = await exchangeWith(maker.request(gateway, request, wait, closed));
      const { head, payload } = end.result;
      const plain = closed ? await closed.openResult({ ...head, payload }) : payload;
      const { stages } = head;
      return { gateway, tensors: splitFrames(head.tensors, plain), timings, stages };
    },
    probe: async (gateway, { bytes, ...wait }) => {
      check(wait);
      checkGate(gateway);
      return (await exchangeWith(maker.probe(gateway, bytes, wait))).timings;
    },
    roundTripMs: probe.roundTripMs,
    roundTripSpreadMs: probe.roundTripSpreadMs,
    stats: receiver.stats,
    close: async () => {
      closing.abort();
      for (const exchange of exchanges.values())
        exchange.fail(new SplitError('closed', 'the client was closed'));
      await Promise.all(undo.splice(0).map((step) => step()));
    },
  };
}

function wentAway(gateway: string): SplitError {
  return new SplitError('gateway-unavailable', `gateway ${gateway} went away during the request`);
}
