/** Options of the MQTT transport, and what they mean to MQTT.js. */
import type { IClientOptions } from 'mqtt';
import { SplitError } from '../errors.ts';
import type { Will } from './transport.ts';

export interface MqttOptions {
  /** `mqtt://host:1883`, `mqtts://…`, `ws://…` or `wss://…`. */
  readonly url: string;
  readonly username?: string;
  readonly password?: string;
  /** Two connections of one client id throw each other out. @default one that the broker or MQTT.js makes up */
  readonly clientId?: string;
  /** 4 is MQTT 3.1.1. @default 4 */
  readonly protocolVersion?: 4 | 5;
  readonly will?: Will;
  /** Longest wait for one attempt to connect, in milliseconds. @default 3000 */
  readonly connectTimeoutMs?: number;
  /** First pause before connecting again, in milliseconds; doubles up to 5 s, with a quarter of jitter. @default 200 */
  readonly reconnectMs?: number;
  /** A silent connection is found dead after one and a half of these, in seconds. @default 10 */
  readonly keepaliveSeconds?: number;
  /** Largest packet in bytes; an MQTT 5 broker's own limit counts where it is lower. @default Infinity */
  readonly maxPacketBytes?: number;
  /** PEM. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
}

export function clientOptions(options: MqttOptions): IClientOptions {
  const {
    url: _,
    connectTimeoutMs,
    reconnectMs,
    keepaliveSeconds,
    maxPacketBytes: __,
    will,
    tls,
    ...rest
  } = options;
  return {
    ...rest,
    ...tls,
    ...(will && {
      will: { topic: will.topic, payload: asBuffer(will.payload), qos: 0, retain: will.retain },
    }),
    protocolVersion: options.protocolVersion ?? 4,
    connectTimeout: connectTimeoutMs ?? 3_000,
    reconnectPeriod: reconnectMs ?? 200,
    keepalive: keepaliveSeconds ?? 10,
    // A broker that is starting up may refuse for a while.
    reconnectOnConnackError: true,
    resubscribe: false,
    queueQoSZero: false,
    timerVariant: 'native',
  };
}

/** MQTT.js wants Node's Buffer: a view, not a copy. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The url as messages may show it. */
export function withoutLogin(url: string): string {
  try {
    const parsed = new URL(url);
    parsed.username = '';
    parsed.password = '';
    return parsed.href;
  } catch {
    throw new SplitError('options-invalid', 'the broker url is not one such as mqtt://host:1883');
  }
}
