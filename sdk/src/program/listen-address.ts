/** `HOST:PORT` as a user writes it, and whether it can be reached from elsewhere. */
import { SplitError } from '../errors.ts';

export interface ListenAddress {
  /** A name or address, without the brackets of IPv6. */
  readonly host: string;
  /** 0 is any free port. */
  readonly port: number;
}

/** @throws SplitError `options-invalid` */
export function parseListenAddress(text: string): ListenAddress {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host !== undefined && port <= 65_535) return { host, port };
  throw new SplitError(
    'options-invalid',
    `listen is '${text}'; expected HOST:PORT such as 127.0.0.1:1883 or [::1]:0`,
  );
}

/** Whether only programs on this machine can connect to the host. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** `mqtt://127.0.0.1:1883`, with the brackets that IPv6 needs. */
export function addressUrl(scheme: 'mqtt' | 'mqtts' | 'http' | 'ws' | 'wss', address: ListenAddress): string {
  return `${scheme}://${addressText(address)}`;
}

/** `127.0.0.1:1883`, as it is read. */
export function addressText({ host, port }: ListenAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
