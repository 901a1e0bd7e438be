/** A WebSocket as the duplex stream that MQTT.js talks to: `pipe`, `write`, `cork`, `end`, `destroy`, and their events. */
// The package, which a page has; Node's own is not there.
// biome-ignore lint/style/useNodejsImportProtocol: see above
import { EventEmitter } from 'events';

/** What may wait here and in the socket before `write` says to wait, in bytes. */
const HIGH_WATER_BYTES = 8 * 2 ** 20;
/** A socket does not tell when it has sent: it is looked at this often, in milliseconds. */
const POLL_MS = 5;

export class WebSocketStream extends EventEmitter {
  /** Of what came and what goes: chunks in order. */
  #came = [];
  #waiting = [];
  #waitingBytes = 0;
  #corks = 0;
  #needsDrain = false;
  #isEnding = false;
  #isTaking = false;
  #sink;
  #socket;
  #poll;
  destroyed = false;

  /** @param {string} url */
  constructor(url) {
    super();
    const socket = new WebSocket(url, ['mqtt']);
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => this.#flush();
    socket.onmessage = ({ data }) => {
      this.#came.push(Buffer.from(data));
      this.#give();
    };
    socket.onerror = () => this.destroy(new Error('WebSocket error'));
    socket.onclose = () => this.destroy();
    this.#socket = socket;
  }

  pipe(sink) {
    this.#sink = sink;
    this.#give();
    return sink;
  }

  /** @returns whether more may follow before `drain` */
  write(chunk) {
    if (this.destroyed || this.#isEnding) return false;
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#flush();
    this.#needsDrain ||= this.#isFull();
    if (this.#needsDrain) this.#watch();
    return !this.#needsDrain;
  }

  cork() {
    this.#corks += 1;
  }

  uncork() {
    this.#corks = Math.max(0, this.#corks - 1);
    this.#flush();
  }

  /** What was written goes first. */
  end(done) {
    this.#isEnding = true;
    this.#corks = 0;
    this.#flush();
    this.#socket.close();
    if (done) queueMicrotask(done);
    return this;
  }

  destroy(error) {
    if (this.destroyed) return this;
    this.destroyed = true;
    clearInterval(this.#poll);
    this.#waiting = [];
    this.#came = [];
    this.#socket.close();
    queueMicrotask(() => {
      if (error) this.emit('error', error);
      this.emit('close');
    });
    return this;
  }

  /** One chunk at a time: the sink says when it has done with it. */
  #give() {
    if (this.#isTaking || this.destroyed || !this.#sink || this.#came.length === 0) return;
    this.#isTaking = true;
    this.#sink.write(this.#came.shift(), () => {
      this.#isTaking = false;
      this.#give();
    });
  }

  /** What was written while corked becomes one message. */
  #flush() {
    const { readyState, OPEN } = this.#socket;
    if (readyState !== OPEN || this.#corks > 0 || this.#waiting.length === 0) return;
    const chunks = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#socket.send(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks));
  }

  #isFull() {
    return this.#waitingBytes + this.#socket.bufferedAmount > HIGH_WATER_BYTES;
  }

  #watch() {
    this.#poll ??= setInterval(() => {
      if (this.#isFull()) return;
      clearInterval(this.#poll);
      this.#poll = undefined;
      this.#needsDrain = false;
      this.emit('drain');
    }, POLL_MS);
  }
}
