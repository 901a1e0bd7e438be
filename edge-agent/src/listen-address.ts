/** Where the agent listens: `HOST:PORT`, on this machine only, because its API has no login. */
import { SplitError } from '@cutpoint/sdk';

export interface ListenAddress {
  /** A loopback name or address, without the brackets of IPv6. */
  readonly host: string;
  /** 0 is any free port. */
  readonly port: number;
}

const LOOPBACK = /^(localhost|::1|127(\.\d{1,3}){3})$/;

/** @throws SplitError `options-invalid` for what is no address, or not one of this machine alone */
export function parseListenAddress(text: string): ListenAddress {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65_535) {
    throw new SplitError('options-invalid', `listen is '${text}'; expected HOST:PORT such as 127.0.0.1:8080`);
  }
  if (isLoopback(host)) return { host, port };
  throw new SplitError(
    'options-invalid',
    `listen host is '${host}'; expected a loopback address, because the API has no login`,
  );
}

/** Whether the name stands for this machine, as seen from itself. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}
