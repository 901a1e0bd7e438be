/** What a browser brings to a session. Runs in the session worker. */
import { deflateWeb } from '../codec/deflate-web.ts';
import { SplitError } from '../errors.ts';
import { createOrtWeb } from '../runtime/ort-web.ts';
import type { MakeRuntimeOptions, Platform } from '../session/create.ts';
import type { ResolvedOptions } from '../session/options.ts';
import { openMqtt } from '../transport/mqtt.ts';
import type { Transport } from '../transport/transport.ts';
import type { AssetUrls } from './assets.ts';

export function webPlatform(assets: AssetUrls): Platform {
  return {
    makeRuntime: ({ threads, provider }) =>
      createOrtWeb({
        files: assets.wasm,
        webgpuFiles: assets.webgpu,
        ...(threads !== undefined && { threads }),
        provider: knownProvider(provider),
      }),
    openTransport,
    deflate: deflateWeb(),
    readText,
    randomId,
  };
}

function knownProvider(provider: MakeRuntimeOptions['provider']): 'wasm' | 'webgpu' {
  if (provider === undefined || provider === 'cpu' || provider === 'wasm') return 'wasm';
  if (provider === 'webgpu') return 'webgpu';
  throw new SplitError(
    'provider-unavailable',
    `a page has no provider '${provider}'; it has wasm and webgpu`,
  );
}

function openTransport({ broker, username, password, tls, protocolVersion }: ResolvedOptions): Transport {
  if (tls !== undefined)
    throw new SplitError('options-invalid', 'tls: a page uses the certificates that its browser has');
  if (!/^wss?:/.test(broker))
    throw new SplitError('options-invalid', 'broker: a page can only use ws:// and wss://');
  return openMqtt({
    url: broker,
    protocolVersion,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
  });
}

async function readText(url: string): Promise<string> {
  try {
    const response = await fetch(url);
    if (response.ok) return await response.text();
    throw new Error(`${response.status} ${response.statusText}`);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SplitError('options-invalid', `plan: ${url} cannot be read: ${why}`, { cause });
  }
}

function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
