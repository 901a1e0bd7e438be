/** `@cutpoint/sdk/node`: split sessions in Node, on onnxruntime-node and MQTT. */
import { randomBytes, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { openCounters } from './bundle/counters.ts';
import { deflateNode } from './codec/deflate-node.ts';
import { zstdNode } from './codec/zstd-node.ts';
import { SplitError } from './errors.ts';
import { readYamlFile } from './program/yaml-file.ts';
import { createOrtNode } from './runtime/ort-node.ts';
import { createSplitSessionOn, type Platform } from './session/create.ts';
import type { NoiseStage } from './session/noise-stage.ts';
import type { ResolvedOptions, SplitSessionOptions } from './session/options.ts';
import type { SplitSession } from './session/split-session.ts';
import { fileSource } from './source/file.ts';
import { memorySource } from './source/memory.ts';
import { openMqtt } from './transport/mqtt.ts';
import type { Transport } from './transport/transport.ts';

export { type AuditLog, type AuditLogOptions, openAuditLog } from './audit/audit-log.ts';
export type { AuditEntry, AuditEvent, AuditHead } from './audit/entry.ts';
export type { AuditSink } from './audit/trail.ts';
export * from './index.ts';
export type { CutChange, CutChangeCause, SessionEvents, SessionStats } from './session/journal.ts';
export type {
  PlacementOptions,
  PolicyOption,
  QueueOptions,
  RuntimeOptions,
  SplitSessionOptions,
} from './session/options.ts';
export type { Fetches, ImageInput, RunOptions } from './session/run-arguments.ts';
export type { SplitSession, ValueMetadata } from './session/split-session.ts';
export type { Trace } from './session/trace.ts';

/**
 * A session that runs a model partly here and partly behind a gateway.
 * @param model path of an .onnx file, or its bytes
 * @throws SplitError `options-invalid`, `model-invalid`, `provider-unavailable`; with `fallback: 'none'` also
 * `broker-unreachable`, `gateway-unavailable`, `model-unknown` and `model-mismatch`
 */
export function createSplitSession(
  model: string | Uint8Array,
  options: SplitSessionOptions,
): Promise<SplitSession> {
  const source = typeof model === 'string' ? fileSource(model) : memorySource(model);
  return createSplitSessionOn(nodePlatform(), source, options);
}

function nodePlatform(): Platform {
  return {
    makeRuntime: createOrtNode,
    openTransport,
    deflate: deflateNode(),
    zstd: zstdNode(),
    readText,
    readYaml: async (path) => (await readYamlFile(path)).value,
    openCounters,
    makeNoise,
    // Made from random bytes that are fetched for many at a time: one by one they cost a request 40 µs.
    randomId: () => randomUUID().replaceAll('-', ''),
  };
}

async function makeNoise(level: number): Promise<NoiseStage> {
  const { createNoiseStage, secureRandom } = await import('./session/noise-stage.ts');
  return createNoiseStage(level, secureRandom());
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new SplitError('options-invalid', `plan: ${path} cannot be read`, { cause });
  }
}

function openTransport(options: ResolvedOptions): Transport {
  const { broker: url, username, password, tls, protocolVersion, device = 'cutpoint' } = options;
  return openMqtt({
    url,
    // A broker ends one connection for another of the same id: nobody shall guess it.
    clientId: `${device}-${randomBytes(12).toString('hex')}`,
    protocolVersion,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls !== undefined && { tls: withoutUndefined(tls) }),
  });
}

/** zod writes absent keys as `undefined`, which exactOptionalPropertyTypes tells apart. */
function withoutUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as never;
}
