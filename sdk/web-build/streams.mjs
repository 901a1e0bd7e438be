/**
 * What MQTT.js asks of readable-stream in a page, and no more: a sink for its parser, and the packets that nobody has
 * confirmed. The third, its connection, is web-socket-stream.mjs.
 */
// The package, which a page has; Node's own is not there.
// biome-ignore lint/style/useNodejsImportProtocol: see above
import { EventEmitter } from 'events';

/** Whoever makes one gives it `_write(chunk, encoding, done)`. */
export class Writable {
  write(chunk, done) {
    this._write(chunk, 'buffer', done);
  }
}

/** Whoever makes one gives it `_read()`, which pushes one value, or `null` after the last. */
export class Readable extends EventEmitter {
  #values = [];
  #hasEnded = false;

  push(value) {
    if (value !== null) this.#values.push(value);
    else if (!this.#hasEnded) {
      this.#hasEnded = true;
      queueMicrotask(() => this.emit('end'));
    }
  }

  read() {
    if (this.#values.length === 0 && !this.#hasEnded) this._read();
    return this.#values.shift() ?? null;
  }
}

export default { Readable, Writable };
