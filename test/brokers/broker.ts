/** A broker as the checks see it: where to connect, as whom, and what it can be made to do. */
import { connectMqtt, type Transport } from '@cutpoint/sdk/gateway';
import type { Will } from '../../sdk/src/transport/transport.ts';

export interface TestedBroker {
  /** With its version, as it says itself. */
  readonly name: string;
  /** Where the gateway connects, and where the device: another node of a cluster, the far end of a bridge. */
  readonly gatewayUrl: string;
  readonly deviceUrl: string;
  readonly webSocketUrl?: string;
  /** Logins are asked for, and each has its own topics. */
  readonly hasLogins: boolean;
  /** Killed and started again at the same address. */
  restart?(): Promise<void>;
  close(): Promise<void>;
}

export type Version = 4 | 5;
export const PASSWORD = 'a password that nobody guesses';

export interface Link {
  readonly broker: TestedBroker;
  readonly version: Version;
}

export type Who = 'gw' | 'dev' | 'other';

export interface ConnectOptions {
  readonly url?: string;
  readonly will?: Will;
  readonly password?: string;
}

export function connectTo(
  { broker, version }: Link,
  who: Who,
  { url, will, password = PASSWORD }: ConnectOptions = {},
): Promise<Transport> {
  return connectMqtt({
    url: url ?? (who === 'gw' ? broker.gatewayUrl : broker.deviceUrl),
    protocolVersion: version,
    reconnectMs: 100,
    // A cluster that chooses a leader answers late.
    connectTimeoutMs: 15_000,
    clientId: `${who}-${Math.random().toString(16).slice(2)}`,
    ...(broker.hasLogins && { username: who, password }),
    ...(will && { will }),
  });
}

/** What the devices file of all brokers holds. */
export const DEVICES = {
  gateways: [{ id: 'gw', password: PASSWORD }],
  devices: [
    { id: 'dev', password: PASSWORD },
    { id: 'other', password: PASSWORD },
  ],
};
