/** Configuration files of brokers, made from a devices file: who may log in, and what each login may publish and hear. */
import type { ListenAddress } from '../program/listen-address.ts';
import type { Devices } from './devices.ts';

export interface BrokerConfigOptions {
  readonly devices: Devices;
  readonly listen: ListenAddress;
  /** Where browsers connect to; left out, they cannot. */
  readonly websocket?: ListenAddress | undefined;
  /** Paths as the broker sees them. With `ca` every client shows a certificate, whose common name is its login. */
  readonly tls?:
    | { readonly cert: string; readonly key: string; readonly ca?: string | undefined }
    | undefined;
  /** Folder in which the broker will find the files. */
  readonly directory: string;
}

export interface ConfigFile {
  readonly name: string;
  readonly text: string;
}

/** Largest packet of a client: a part, or an announcement, and room for a header. */
export const MAX_PACKET_BYTES: number = 1 << 20;
