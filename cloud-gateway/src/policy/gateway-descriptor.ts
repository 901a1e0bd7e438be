/** The descriptor that this gateway shows: its own file, followed as it changes, and where it says the gateway is. */

import { unwatchFile, watchFile } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { asSplitError, SplitError } from '@cutpoint/sdk';
import {
  decodeDescriptorFile,
  type GatewayDescriptor,
  type Place,
  readDescriptor,
  type SignedDescriptor,
} from '@cutpoint/sdk/gateway';
import type { GatewayConfig } from '../config.ts';
import type { Log } from '../log.ts';

export interface OwnPlace {
  /** As it is now: a descriptor may change while the gateway serves. */
  readonly place: Place;
  /** What is announced of it; `undefined` without a file. */
  readonly signed: SignedDescriptor | undefined;
  close(): void;
}

export interface OwnPlaceOptions {
  readonly takesSeals: boolean;
  readonly log: Log;
  onChange(descriptor: GatewayDescriptor): void;
  onRefused(error: SplitError): void;
}

const LOOK_EVERY_MS = 2_000;

/** @throws SplitError `options-invalid` for a file that is not this gateway's, or does not say what the configuration says */
export async function openOwnPlace(config: GatewayConfig, o: OwnPlaceOptions): Promise<OwnPlace> {
  const { region, cloudProvider: provider, retentionMs, descriptor: path } = config;
  const { takesSeals } = o;
  const configured: Place = { region, provider, retentionMs, takesSeals };
  if (path === undefined) return { place: configured, signed: undefined, close: () => {} };
  let signed = await readOwn(path, config).catch((error: unknown) => {
    o.onRefused(asSplitError(error));
    throw error;
  });
  const tell = () => o.onChange(readDescriptor(signed));
  tell();
  const look = async () => {
    try {
      signed = await readOwn(path, config);
      tell();
    } catch (error) {
      const refusal = asSplitError(error);
      o.onRefused(refusal);
      o.log.error({ path, code: refusal.code }, `the descriptor stays as it was: ${refusal.message}`);
    }
  };
  const listener = () => void look();
  watchFile(path, { interval: LOOK_EVERY_MS, persistent: false }, listener);
  return {
    get place() {
      const { region: where, provider: who } = readDescriptor(signed);
      return { ...configured, region: where, provider: who };
    },
    get signed() {
      return signed;
    },
    close: () => unwatchFile(path, listener),
  };
}

async function readOwn(path: string, config: GatewayConfig): Promise<SignedDescriptor> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new SplitError('options-invalid', `descriptor is ${path}, which cannot be read`, { cause });
  });
  const signed = decodeDescriptorFile(text);
  const { gateway, region, provider, retentionMs, notAfter } = readDescriptor(signed);
  const differs = (what: string, theirs: unknown, ours: unknown) => {
    const text = `descriptor ${path} says ${what} ${String(theirs)}, this gateway's is ${String(ours)}`;
    throw new SplitError('options-invalid', text);
  };
  if (gateway !== config.id) differs('gateway', gateway, config.id);
  if (config.region !== undefined && region !== config.region) differs('region', region, config.region);
  if (config.cloudProvider !== undefined && provider !== config.cloudProvider)
    differs('provider', provider, config.cloudProvider);
  const kept = config.retentionMs ?? Number.POSITIVE_INFINITY;
  if (retentionMs !== undefined && kept > retentionMs)
    differs('retentionMs', retentionMs, config.retentionMs);
  if (Date.parse(notAfter) < Date.now()) differs('an end on', notAfter, 'past it');
  return signed;
}
