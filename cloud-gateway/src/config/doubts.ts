/** What in a configuration file is not wrong by itself, and keeps a gateway from starting where nothing is added to it. */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { asSplitError } from '@cutpoint/sdk';
import { isLoopback, parseListenAddress } from '@cutpoint/sdk/program';
import { type GatewayOptions, resolveConfig } from '../config.ts';
import { READ_PATHS } from './paths.ts';

/** Flags, the environment and another machine may give what is missing here. */
export async function doubtsOf(options: Partial<GatewayOptions>): Promise<readonly string[]> {
  const missing = await Promise.all(
    READ_PATHS.map(async (name) => {
      const path = options[name];
      if (path === undefined || (await isReadable(path))) return [];
      return [`${name}: ${path} cannot be read here`];
    }),
  );
  return [...incomplete(options), ...missing.flat()];
}

function incomplete(options: Partial<GatewayOptions>): readonly string[] {
  try {
    resolveConfig({ models: '.', ...options });
  } catch (error) {
    return [asSplitError(error).message];
  }
  if (options.devices !== undefined) return [];
  return (['listen', 'webSocket'] as const).flatMap((name) => {
    const address = options[name];
    if (address === undefined || isLoopback(parseListenAddress(address).host)) return [];
    return [`${name}: ${address} is not a loopback address, which without devices it must be`];
  });
}

async function isReadable(path: string): Promise<boolean> {
  return await access(path, constants.R_OK).then(
    () => true,
    () => false,
  );
}
