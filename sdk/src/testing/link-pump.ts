/** Drives one lane of a link with sockets and a timer: reads from sources, writes to destinations on time. */
import type { Socket } from 'node:net';
import type { Lane } from './link-lane.ts';

/** One direction of one connection. */
export interface Flow {
  readonly source: Socket;
  readonly destination: Socket;
  /** Half-open from now on: nothing of it is read or delivered any more, and neither end is told. */
  stranded: boolean;
}

// Node's timers tick in milliseconds; a delivery this early is nearer than one a tick later.
const EARLY_MS = 0.4;

export class Pump {
  readonly #lane: Lane<Flow>;
  readonly #flows = new Set<Flow>();
  #timer: NodeJS.Timeout | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #deliveredBytes = 0;

  constructor(lane: Lane<Flow>) {
    this.#lane = lane;
  }

  /** Bytes that came out at the far end. */
  get deliveredBytes(): number {
    return this.#deliveredBytes;
  }

  attach(flow: Flow): void {
    const { source, destination } = flow;
    this.#flows.add(flow);
    const push = (parcel: Uint8Array | 'end' | 'reset') => {
      this.#lane.push(flow, parcel, performance.now());
      this.run();
    };
    source.on('data', push);
    source.on('end', () => push('end'));
    source.on('error', () => source.destroy()); // told to the other end by 'close', as a reset
    source.on('close', (failed) => {
      if (failed || !source.readableEnded) push('reset');
    });
    destination.on('drain', () => this.#throttle(flow));
    destination.on('close', () => this.#flows.delete(flow));
  }

  strand(): void {
    for (const flow of this.#flows) {
      flow.stranded = true;
      flow.source.pause();
    }
    this.#flows.clear();
  }

  /** Delivers what has arrived and sets the timer for what comes next. */
  run(): void {
    const touched = new Set<Flow>();
    for (const { flow, parcel } of this.#lane.take(performance.now() + EARLY_MS)) {
      if (!touched.has(flow)) flow.destination.cork();
      touched.add(flow);
      this.#deliver(flow, parcel);
    }
    for (const flow of touched) flow.destination.uncork();
    for (const flow of this.#flows) this.#throttle(flow);
    this.#arm();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timerAtMs = Number.NEGATIVE_INFINITY; // never armed again
  }

  #deliver({ destination, stranded }: Flow, parcel: Uint8Array | 'end' | 'reset'): void {
    if (stranded || destination.destroyed) return;
    if (parcel === 'end') destination.end();
    else if (parcel === 'reset') destination.resetAndDestroy();
    else {
      destination.write(parcel);
      this.#deliveredBytes += parcel.length;
    }
  }

  /** A sender is read while the router has room and the receiver keeps up, as with TCP's own window. */
  #throttle(flow: Flow): void {
    if (flow.stranded) return;
    const isHeld = this.#lane.isFull(flow) || flow.destination.writableNeedDrain;
    if (isHeld && !flow.source.isPaused()) flow.source.pause();
    else if (!isHeld && flow.source.isPaused()) flow.source.resume();
  }

  #arm(): void {
    const nextMs = this.#lane.nextMs();
    if (nextMs === undefined || nextMs >= this.#timerAtMs) return;
    clearTimeout(this.#timer);
    this.#timerAtMs = nextMs;
    const waitMs = Math.max(1, Math.round(nextMs - EARLY_MS - performance.now()));
    this.#timer = setTimeout(() => {
      this.#timerAtMs = Number.POSITIVE_INFINITY;
      this.run();
    }, waitMs);
  }
}
