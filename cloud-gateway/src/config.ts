/** What a gateway is told at its start: the options a reader sees, and the border that checks them. */
import { randomBytes } from 'node:crypto';
import { SplitError } from '@cutpoint/sdk';
import { describeIssues, type ListenAddress, parseListenAddress } from '@cutpoint/sdk/program';
import { type LOG_LEVELS, OptionsSchema } from './config/schema.ts';
import type { TenantOptions } from './serving/quota.ts';

export interface GatewayOptions {
  /** Folder that holds one folder a model: `DIR/NAME/model.onnx` and, if wanted, `DIR/NAME/cutpoint.json`. */
  readonly models: string;
  /** URL of a broker beside the gateway (`mqtt://`, `mqtts://`, `ws://`, `wss://`). Excludes `listen`. */
  readonly broker?: string | undefined;
  /** `HOST:PORT` of the broker inside the gateway; port 0 is any free one. @default '127.0.0.1:1883' */
  readonly listen?: string | undefined;
  /** `HOST:PORT` for MQTT over WebSocket beside `listen`, for pages. @default none */
  readonly webSocket?: string | undefined;
  /** Origins of pages that may connect there, as `https://app.example`, besides pages of this machine. */
  readonly webOrigins?: readonly string[] | undefined;
  /** Path of the devices file: logins for the broker inside, keys of devices. @default no logins, no keys */
  readonly devices?: string | undefined;
  /** Paths of PEM files: for the broker inside, or what this gateway shows to one beside it. */
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  /** Who signs the other side's certificates. With the broker inside every client must show one. */
  readonly tlsCa?: string | undefined;
  /** `HOST:PORT` for health, metrics and the live page, without logins. @default none */
  readonly http?: string | undefined;
  /** Folder that HTTP serves below `/pages/`. Needs `http`. @default none */
  readonly pages?: string | undefined;
  /** Where spans go, by OTLP over HTTP. @default none are made */
  readonly tracesUrl?: string | undefined;
  /** Share of the requests without a trace context that are recorded too, 0 to 1. @default 0 */
  readonly tracesRatio?: number | undefined;
  /** 1 to 64 of `A-Z a-z 0-9 _ -`, unique at its broker. @default `gw-` and eight random digits */
  readonly id?: string | undefined;
  /** First level of every topic. @default 'cutpoint' */
  readonly namespace?: string | undefined;
  /** Threads of ONNX Runtime; by default what this process may use, at most 8. */
  readonly threads?: number | undefined;
  /** Largest request or reply, in MiB. @default 64 */
  readonly maxPayloadMb?: number | undefined;
  /** Requests that may be in the gateway at a time; more are refused with `overloaded`. @default 1024 */
  readonly maxQueued?: number | undefined;
  /** Longest wait for the requests in hand when stopping, in milliseconds. @default 10000 */
  readonly drainMs?: number | undefined;
  /** Cuts offered for each model. @default 8 */
  readonly maxCuts?: number | undefined;
  /** Requests in one run of a model. @default 32 */
  readonly maxBatch?: number | undefined;
  /** Threads that decode frames; 0: the main one does. @default half the processors less one, at most 8 */
  readonly decodeThreads?: number | undefined;
  /** Versions of a model that are served. @default 2 */
  readonly keepVersions?: number | undefined;
  /** Execution providers in the order in which they are tried. @default ['cpu'] */
  readonly providers?: readonly ('tensorrt' | 'cuda' | 'webgpu' | 'cpu')[] | undefined;
  /** The first of `providers` must work. @default false */
  readonly requireProvider?: boolean | undefined;
  /** Numbers of graphics processors, an executor for each. @default the first one */
  readonly gpus?: readonly number[] | undefined;
  /** Longest run, in milliseconds, before an executor is killed and replaced. @default 30000 */
  readonly hangMs?: number | undefined;
  /** PEM file of public keys, one of which must have signed each bundle. @default any folder is served */
  readonly trustedKeys?: string | undefined;
  /** File of the highest counter of each bundle. @default `.counters.json` in the folder of models */
  readonly bundleCounters?: string | undefined;
  /** Folder for the files of models that run on ranks, of this gateway alone. @default such models are refused */
  readonly ranksFolder?: string | undefined;
  /** What an executor may hold of weights, in MiB. @default not checked */
  readonly executorMemoryMb?: number | undefined;
  readonly tenants?: readonly TenantOptions[] | undefined;
  /** Broker of the gateways that requests are handed on to, or `own`. @default nothing is handed on */
  readonly next?: string | undefined;
  /** Id of the key there, and the path of the file that holds it. @default what came sealed is not handed on */
  readonly nextKeyId?: string | undefined;
  readonly nextKey?: string | undefined;
  /** PEM file of public keys that sign descriptors of the gateways there. @default under a policy nothing is handed on */
  readonly nextGatewayKeys?: string | undefined;
  /** File of the highest counter of each descriptor there. @default they are remembered until the gateway stops */
  readonly nextGatewayCounters?: string | undefined;
  /** Named in the announcement, so that devices can keep to their region. */
  readonly region?: string | undefined;
  /** Who runs the machine, by the name that policies use. */
  readonly cloudProvider?: string | undefined;
  /** Longest time in milliseconds after the answer that answers and references of sequences are kept. */
  readonly retentionMs?: number | undefined;
  /** File of the signed descriptor that is announced. */
  readonly descriptor?: string | undefined;
  /** File of the audit log. @default none is written */
  readonly audit?: string | undefined;
  /** PEM file of the key that signs its end. */
  readonly auditKey?: string | undefined;
  readonly logLevel?: (typeof LOG_LEVELS)[number] | undefined;
}

/** Complete and checked. Exactly one of `brokerUrl` and `listen` is there. */
export interface GatewayConfig {
  readonly modelsDirectory: string;
  readonly brokerUrl?: string;
  readonly listen?: ListenAddress;
  readonly webSocket?: ListenAddress;
  readonly webOrigins?: readonly string[];
  readonly devicesPath?: string;
  readonly tls?: TlsPaths;
  readonly http?: ListenAddress;
  readonly pages?: string | undefined;
  readonly tracesUrl?: string;
  readonly tracesRatio: number;
  readonly id: string;
  readonly namespace: string;
  readonly threads?: number;
  readonly maxPayloadBytes: number;
  readonly maxQueued: number;
  readonly drainMs: number;
  readonly maxCuts: number;
  readonly maxBatch: number;
  readonly decodeThreads?: number | undefined;
  readonly keepVersions: number;
  readonly providers: readonly string[];
  readonly requireProvider: boolean;
  readonly gpus: readonly number[];
  readonly hangMs: number;
  readonly trustedKeys?: string | undefined;
  readonly bundleCounters?: string | undefined;
  readonly ranksFolder?: string | undefined;
  readonly executorMemoryMb?: number | undefined;
  readonly tenants: readonly TenantOptions[];
  readonly next?: string | undefined;
  readonly nextKeyId?: string | undefined;
  readonly nextKey?: string | undefined;
  readonly nextGatewayKeys?: string | undefined;
  readonly nextGatewayCounters?: string | undefined;
  readonly region?: string;
  readonly cloudProvider?: string | undefined;
  readonly retentionMs?: number | undefined;
  readonly descriptor?: string | undefined;
  readonly audit?: string | undefined;
  readonly auditKey?: string | undefined;
  readonly logLevel: (typeof LOG_LEVELS)[number];
}

export interface TlsPaths {
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly ca?: string | undefined;
}

const MEBIBYTE = 1 << 20;
const DEFAULT_LISTEN = '127.0.0.1:1883';

/**
 * Checks the options and fills in what is missing; the caller's object stays as it is.
 * @throws SplitError `options-invalid`, naming every option that is wrong
 */
export function resolveConfig(options: GatewayOptions): GatewayConfig {
  const parsed = OptionsSchema.safeParse(options);
  if (!parsed.success) throw new SplitError('options-invalid', describeIssues(parsed.error));
  const { models, broker, listen, http, tracesUrl, webSocket, webOrigins, devices, ...others } = parsed.data;
  const { tlsCert, tlsKey, tlsCa, id, maxPayloadMb, threads, region, ...rest } = others;
  if (broker !== undefined && listen !== undefined) {
    throw new SplitError(
      'options-invalid',
      `broker and listen ${listen} were both given; expected one of them`,
    );
  }
  if (broker !== undefined && webSocket !== undefined) {
    throw new SplitError(
      'options-invalid',
      `broker and webSocket ${webSocket} were both given; pages connect to a broker beside the gateway themselves`,
    );
  }
  if (rest.pages !== undefined && http === undefined)
    throw new SplitError('options-invalid', 'pages was given without http, which serves them');
  if ((rest.nextKey === undefined) !== (rest.nextKeyId === undefined))
    throw new SplitError('options-invalid', 'nextKey and nextKeyId go together; one of them was given');
  if (rest.nextKey !== undefined && rest.next === undefined)
    throw new SplitError('options-invalid', 'nextKey was given without next: nothing is handed on');
  if (rest.nextGatewayKeys !== undefined && rest.next === undefined)
    throw new SplitError('options-invalid', 'nextGatewayKeys was given without next: nothing is handed on');
  if (rest.nextGatewayCounters !== undefined && rest.nextGatewayKeys === undefined)
    throw new SplitError('options-invalid', 'nextGatewayCounters was given without nextGatewayKeys');
  const tls = resolveTls({ cert: tlsCert, key: tlsKey, ca: tlsCa }, broker === undefined);
  return {
    ...rest,
    modelsDirectory: models,
    id: id ?? `gw-${randomBytes(4).toString('hex')}`,
    maxPayloadBytes: Math.round(maxPayloadMb * MEBIBYTE),
    ...(broker === undefined
      ? { listen: parseListenAddress(listen ?? DEFAULT_LISTEN) }
      : { brokerUrl: broker }),
    ...(webSocket === undefined ? {} : { webSocket: parseListenAddress(webSocket) }),
    ...(webOrigins === undefined ? {} : { webOrigins: webOrigins.map((origin) => new URL(origin).origin) }),
    ...(devices === undefined ? {} : { devicesPath: devices }),
    ...(tls && { tls }),
    ...(tracesUrl === undefined ? {} : { tracesUrl }),
    ...(http === undefined ? {} : { http: parseListenAddress(http) }),
    ...(threads === undefined ? {} : { threads }),
    ...(region === undefined ? {} : { region }),
  };
}

function resolveTls(paths: TlsPaths, isInside: boolean): TlsPaths | undefined {
  const { cert, key, ca } = paths;
  if ((cert === undefined) !== (key === undefined))
    throw new SplitError('options-invalid', 'tlsCert and tlsKey go together; one of them was given');
  if (isInside && ca !== undefined && cert === undefined)
    throw new SplitError(
      'options-invalid',
      'tlsCa was given without tlsCert: the broker inside needs its own',
    );
  return cert === undefined && ca === undefined ? undefined : paths;
}
