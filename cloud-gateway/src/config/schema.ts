/**
 * Every option of a gateway, once: its type, its limits, its default, and what it means. The configuration file, the
 * environment, the flags, the JSON Schema and the example file are all made from this.
 */
import { parseListenAddress } from '@cutpoint/sdk/program';
import { z } from 'zod';
import type { GatewayOptions } from '../config.ts';

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

const name = () => z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'expected 1 to 64 of A-Z a-z 0-9 _ -');

const address = () =>
  z.string().refine(isListenAddress, 'expected HOST:PORT such as 127.0.0.1:8000 or [::1]:0');

const fields = {
  models: z
    .string({ error: 'expected a folder of models, as --models ./models' })
    .min(1)
    .describe(
      'Folder that holds one folder a model, DIR/NAME/model.onnx. In a configuration file, relative to that file.',
    ),
  broker: z
    .string()
    .regex(/^(mqtts?|wss?):\/\/\S+$/, 'expected a mqtt, mqtts, ws or wss URL')
    .refine((url) => URL.canParse(url), 'is no URL: look at its port, and write %40 for an @ in its login')
    .optional()
    .describe(
      'URL of a broker beside the gateway, with its login: mqtt, mqtts, ws or wss. Without it the broker inside serves this machine. Best given as CUTPOINT_BROKER_FILE, because of the password.',
    ),
  listen: address()
    .optional()
    .describe(
      'HOST:PORT of the broker inside, 127.0.0.1:1883 by default; without devices loopback only; port 0 is any. Excludes broker.',
    ),
  webSocket: address()
    .optional()
    .describe(
      'HOST:PORT of a second address of the broker inside, for pages: MQTT over WebSocket; without devices loopback only, port 0 is any. By default none. Excludes broker.',
    ),
  webOrigins: z
    .array(z.url({ protocol: /^https?$/, error: 'expected an origin as https://app.example' }))
    .optional()
    .describe(
      'Origins of pages that may connect there, as https://app.example, besides pages of this machine.',
    ),
  devices: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Path of the devices file: logins at the broker inside, and keys of devices. Read again when it changes. By default no logins and no keys.',
    ),
  tlsCert: z
    .string()
    .min(1)
    .optional()
    .describe('PEM file: certificate of the broker inside, or what the gateway shows to one beside it.'),
  tlsKey: z.string().min(1).optional().describe('PEM file: the key to tlsCert.'),
  tlsCa: z
    .string()
    .min(1)
    .optional()
    .describe(
      "PEM file: who signs the other side's certificates. Inside, every client must show one, and its common name is its login.",
    ),
  http: address()
    .optional()
    .describe(
      'HOST:PORT for health, inference of whole models, metrics and the live page; port 0 is any. It has no logins: give an address that only those reach who may see it. By default there is no HTTP.',
    ),
  pages: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Folder of files that HTTP serves below /pages/, with the headers by which a page may use threads. Needs http. In a configuration file, relative to that file.',
    ),
  tracesUrl: z
    .string()
    .regex(/^https?:\/\/\S+$/, 'expected a http or https URL')
    .optional()
    .describe(
      'Where spans go, by OTLP over HTTP, such as http://collector:4318/v1/traces. A request that brings a trace context is recorded if its device records it. By default there are no spans.',
    ),
  tracesRatio: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe('Share of the requests without a trace context that are recorded too. Needs tracesUrl.'),
  id: name()
    .optional()
    .describe('Name of this gateway, unique at its broker. By default gw- and eight random digits.'),
  namespace: name().default('cutpoint').describe('First level of every topic.'),
  threads: z
    .int()
    .min(1)
    .max(256)
    .optional()
    .describe('Threads of ONNX Runtime. By default what this process may use, at most 8.'),
  maxPayloadMb: z.number().min(1).max(256).default(64).describe('Largest request or reply, in MiB.'),
  maxQueued: z
    .int()
    .min(1)
    .max(100_000)
    .default(1024)
    .describe('Requests that may be in the gateway at a time; more are refused with overloaded.'),
  drainMs: z
    .number()
    .min(0)
    .max(600_000)
    .default(10_000)
    .describe('Longest wait for requests in hand when stopping, in milliseconds.'),
  maxCuts: z.int().min(1).max(64).default(8).describe('Cuts offered for each model.'),
  maxBatch: z
    .int()
    .min(1)
    .max(256)
    .default(32)
    .describe('Requests in one run of a model. Fewer where a larger batch gains nothing, which is measured.'),
  decodeThreads: z
    .int()
    .min(0)
    .max(64)
    .optional()
    .describe(
      'Threads that decode frames beside the runtime; 0: the main one does. By default half the processors less one, at most 8.',
    ),
  keepVersions: z
    .int()
    .min(1)
    .max(8)
    .default(2)
    .describe(
      'Versions of a model that are served: 2 keeps the one before the newest for devices that still have it.',
    ),
  providers: z
    .array(z.enum(['tensorrt', 'cuda', 'webgpu', 'cpu']))
    .min(1)
    .default(['cpu'])
    .describe(
      'Execution providers in the order in which they are tried; the first that is seen to work is used.',
    ),
  requireProvider: z
    .boolean()
    .default(false)
    .describe('The first of providers must work, or the gateway does not start.'),
  gpus: z
    .array(z.int().min(0).max(255))
    .default([])
    .describe(
      'Numbers of the graphics processors; each gets an executor of its own. By default the first one.',
    ),
  hangMs: z
    .int()
    .min(100)
    .max(3_600_000)
    .default(30_000)
    .describe(
      'Longest run of a model, in milliseconds: an executor that takes longer is killed and replaced.',
    ),
  trustedKeys: z
    .string()
    .min(1)
    .optional()
    .describe(
      'PEM file of public keys. With it only bundles that one of them has signed are served. In a configuration file, relative to that file.',
    ),
  bundleCounters: z
    .string()
    .min(1)
    .optional()
    .describe(
      'File in which the highest counter of each bundle is kept, so that an older one is refused, also after a restart. With trustedKeys; by default .counters.json in the folder of models.',
    ),
  ranksFolder: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Folder for the parts of models that run on ranks, about as large as these models; of this gateway alone. In a configuration file, relative to that file. By default models with ranks in their cutpoint.json are refused.',
    ),
  executorMemoryMb: z
    .number()
    .min(1)
    .optional()
    .describe(
      'What an executor may hold of the weights of all models and versions that are loaded on it, in MiB: what would be more is refused before it is loaded, with what is there or the number of ranks that it would take, and what was served still is. By default this is not checked.',
    ),
  tenants: z
    .array(
      z.strictObject({
        name: name(),
        devices: z.string().min(1).max(64),
        share: z.number().positive().max(1000).optional(),
        maxInHand: z.int().min(1).optional(),
        requestsPerSecond: z.number().positive().optional(),
      }),
    )
    .default([])
    .describe(
      'Who shares the gateway: devices whose names fit the pattern (* is any letters), their share of the runtime in relation to others, and how much they may have at a time and a second.',
    ),
  next: z
    .string()
    .regex(/^(own|(mqtts?|wss?):\/\/\S+)$/, 'expected own, or a mqtt, mqtts, ws or wss URL')
    .optional()
    .describe(
      'Where requests with a route are handed on to: the broker of the gateways behind this one, with its login, or own for the broker of this one. There it is a device, named as its login or, without one, as itself. By default nothing is handed on.',
    ),
  nextKeyId: name()
    .optional()
    .describe('Which of its keys there nextKey is, as the devices file of the gateways behind names it.'),
  nextKey: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Path of a file with 32 bytes as base64url: what is handed on is sealed with them, and only to gateways that take seals. Without it, requests that came sealed are not handed on. Needs next and nextKeyId. In a configuration file, relative to that file.',
    ),
  nextGatewayKeys: z
    .string()
    .min(1)
    .optional()
    .describe(
      'PEM file of public keys that sign descriptors of gateways: requests under a policy that limits where gateways may be are handed on only to those that show one. Without it they are not handed on. Needs next. In a configuration file, relative to that file.',
    ),
  nextGatewayCounters: z
    .string()
    .min(1)
    .optional()
    .describe(
      'File of the highest counter of each descriptor that was seen there, so that older ones stay refused after a restart. By default they are remembered until the gateway stops. Needs nextGatewayKeys. In a configuration file, relative to that file.',
    ),
  region: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .describe('Named in the announcement, so that devices can keep to their region.'),
  cloudProvider: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .describe(
      'Who runs this machine, as policies name providers: a cloud, or your own name for your own. With descriptor, what stands there.',
    ),
  retentionMs: z
    .number()
    .min(0)
    .max(120_000)
    .optional()
    .describe(
      'Longest time, in milliseconds after the answer, that answers are kept for devices that ask again, and references of sequences. By default 120000 and 60000, and no policy that limits it is kept.',
    ),
  descriptor: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Path of the signed descriptor that says where this gateway is, made by cutpoint describe-gateway; devices with a policy ask for it. Read again when it changes. In a configuration file, relative to that file.',
    ),
  audit: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Path of the audit log: decisions by policies, and changes of models, descriptors and keys. In a configuration file, relative to that file.',
    ),
  auditKey: z
    .string()
    .min(1)
    .optional()
    .describe('PEM file: private key (Ed25519) that signs where the audit log ends. Needs audit.'),
  logLevel: z.enum(LOG_LEVELS).default('info').describe('Least severe lines of the log that are written.'),
};

export type OptionName = keyof GatewayOptions;

type Preset =
  | 'namespace'
  | 'maxPayloadMb'
  | 'maxQueued'
  | 'drainMs'
  | 'maxCuts'
  | 'maxBatch'
  | 'keepVersions'
  | 'providers'
  | 'requireProvider'
  | 'gpus'
  | 'hangMs'
  | 'tenants'
  | 'tracesRatio'
  | 'logLevel';
/** Every limit kept, every preset filled in. */
export type CheckedOptions = Omit<GatewayOptions, Preset> & {
  readonly [Name in Preset]: NonNullable<GatewayOptions[Name]>;
};

const whole = z.strictObject(fields);
export const OptionsSchema: z.ZodType<CheckedOptions> = whole;

/** A configuration file alone: what is missing in it may come from the environment or a flag. */
export const FileSchema: z.ZodType = whole.partial();

export const OPTION_NAMES: readonly OptionName[] = Object.keys(fields) as OptionName[];

/** JSON Schema of a configuration file, draft 2020-12. */
export function configJsonSchema(): Record<string, unknown> {
  const { required: _some, ...schema } = z.toJSONSchema(OptionsSchema, { io: 'input' }) as Record<
    string,
    unknown
  >;
  return { ...schema, title: 'Configuration of cutpoint-gateway' };
}

/** What a text from the environment or a flag means: itself where the option is a text, else read as YAML. */
export function isText(option: OptionName): boolean {
  const properties = z.toJSONSchema(OptionsSchema, { io: 'input' }).properties ?? {};
  const property = properties[option];
  return typeof property === 'object' && property.type === 'string';
}

function isListenAddress(text: string): boolean {
  try {
    parseListenAddress(text);
    return true;
  } catch {
    return false;
  }
}
