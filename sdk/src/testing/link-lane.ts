/**
 * One direction of a link in virtual time: senders' buffers, a bounded router queue, a transmitter, the wire.
 * It is told the time and reads no clock, so a late caller delays deliveries but never loses rate.
 */
import { type LinkOptions, type ResolvedLinkOptions, resolveLinkOptions } from './link-options.ts';

/** One step of a flow as it travels: bytes, the sender's end of data, or its reset. */
export type Parcel = Uint8Array | 'end' | 'reset';

export interface Delivery<Flow> {
  readonly flow: Flow;
  readonly parcel: Parcel;
}

interface Timed<Flow> extends Delivery<Flow> {
  /** In the router: when it came. On the wire: when it arrives. */
  readonly atMs: number;
}

const LEAST_SLICE_BYTES = 1460; // what an Ethernet frame carries of a TCP stream
const MOST_SLICE_BYTES = 16_384;
// After a blackout, lane time is a difference of two times: it must not make a punctual caller early.
const ROUNDING_MS = 1e-6;

export class Lane<Flow> {
  readonly #random: () => number;
  readonly #buffers = new Map<Flow, Timed<Flow>[]>(); // in the order in which the flows take turns
  readonly #router: Timed<Flow>[] = [];
  readonly #wire: Timed<Flow>[] = [];
  #options: ResolvedLinkOptions;
  #routerBytes = 0;
  #freeMs = 0; // when the transmitter ends its last slice
  #lastArrivalMs = 0;
  // During a blackout the lane's own time stands still: it is the caller's less what blackouts took.
  #stoppedMs = 0;
  #stoppedAtMs: number | undefined;

  constructor(options: LinkOptions, random: () => number, nowMs = 0) {
    this.#random = random;
    this.#options = resolveLinkOptions(options);
    this.configure({}, nowMs);
  }

  /** Changes what is given, from now on: what waits in the router goes at the new rate. */
  configure(options: LinkOptions, nowMs: number): void {
    const resolved = resolveLinkOptions(options, this.#options);
    this.#advance(this.#laneMs(nowMs));
    this.#options = resolved;
    if (resolved.blackout) this.#stoppedAtMs ??= nowMs;
    else if (this.#stoppedAtMs !== undefined) {
      this.#stoppedMs += nowMs - this.#stoppedAtMs;
      this.#stoppedAtMs = undefined;
    }
  }

  /** Takes a parcel from a sender. Bytes are not copied and must not change until delivered. */
  push(flow: Flow, parcel: Parcel, nowMs: number): void {
    const timed = { flow, parcel, atMs: this.#laneMs(nowMs) };
    const buffer = this.#buffers.get(flow);
    if (buffer) buffer.push(timed);
    else this.#buffers.set(flow, [timed]);
    this.#advance(timed.atMs);
  }

  /** Whether a flow has bytes for which the router has no room: its sender should pause. */
  isFull(flow: Flow): boolean {
    return this.#buffers.has(flow);
  }

  /** What has arrived by now, in order. */
  take(nowMs: number): Delivery<Flow>[] {
    const laneMs = this.#laneMs(nowMs) + ROUNDING_MS;
    this.#advance(laneMs);
    const waiting = this.#wire.findIndex((item) => item.atMs > laneMs);
    return this.#wire.splice(0, waiting < 0 ? this.#wire.length : waiting);
  }

  /** When to call `take` next; undefined while nothing is under way or the link is dark. */
  nextMs(): number | undefined {
    if (this.#stoppedAtMs !== undefined) return undefined;
    const arrivalMs = this.#wire[0]?.atMs ?? Number.POSITIVE_INFINITY;
    const sendMs = this.#router.length > 0 ? this.#freeMs : Number.POSITIVE_INFINITY;
    const laneMs = Math.min(arrivalMs, sendMs);
    return Number.isFinite(laneMs) ? laneMs + this.#stoppedMs : undefined;
  }

  #laneMs(nowMs: number): number {
    return (this.#stoppedAtMs ?? nowMs) - this.#stoppedMs;
  }

  #advance(laneMs: number): void {
    this.#admit();
    for (let next = this.#router[0]; next; next = this.#router[0]) {
      const startMs = Math.max(this.#freeMs, next.atMs);
      if (startMs > laneMs) return;
      this.#router.shift();
      this.#transmit(next, startMs);
      this.#admit();
    }
  }

  #transmit(item: Timed<Flow>, startMs: number): void {
    const { bitsPerSecond, delayMs, jitterMs } = this.#options;
    const bytes = byteLength(item.parcel);
    this.#routerBytes -= bytes;
    this.#freeMs = startMs + (bytes * 8000) / bitsPerSecond;
    const variedMs = Math.max(0, delayMs + (2 * this.#random() - 1) * jitterMs);
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, this.#freeMs + variedMs);
    this.#wire.push({ ...item, atMs: this.#lastArrivalMs });
  }

  /** Flows take turns, a slice each, until the router is full. */
  #admit(): void {
    const { bitsPerSecond, queueMs } = this.#options;
    const limitBytes = Math.max(LEAST_SLICE_BYTES, (bitsPerSecond * queueMs) / 8000);
    while (this.#routerBytes < limitBytes) {
      const turn = this.#buffers.entries().next().value;
      if (!turn) return;
      const [flow, buffer] = turn;
      const slice = takeSlice(buffer, sliceBytes(bitsPerSecond));
      if (slice) {
        this.#router.push(slice);
        this.#routerBytes += byteLength(slice.parcel);
      }
      this.#buffers.delete(flow);
      if (buffer.length > 0) this.#buffers.set(flow, buffer);
    }
  }
}

/** A millisecond of the link, so that many small slices do not cost more than they are worth. */
function sliceBytes(bitsPerSecond: number): number {
  return Math.min(MOST_SLICE_BYTES, Math.max(LEAST_SLICE_BYTES, Math.round(bitsPerSecond / 8000)));
}

function takeSlice<Flow>(buffer: Timed<Flow>[], limitBytes: number): Timed<Flow> | undefined {
  const first = buffer[0];
  if (!first || typeof first.parcel === 'string' || first.parcel.length <= limitBytes) return buffer.shift();
  buffer[0] = { ...first, parcel: first.parcel.subarray(limitBytes) };
  return { ...first, parcel: first.parcel.subarray(0, limitBytes) };
}

function byteLength(parcel: Parcel): number {
  return typeof parcel === 'string' ? 0 : parcel.length;
}
