/** Options of a split session: the interface for the reader, the schema for the border, `resolveOptions` for the rest. */

import type { AuditSink } from '../audit/trail.ts';
import { type CodecProfile, isCodecProfile } from '../codec/codec.ts';
import { SplitError } from '../errors.ts';
import type { CounterStore } from '../placement/gate.ts';
import type { RunTracer } from '../tracing/tracer.ts';
import { z } from '../zod.ts';
import type { QueueLimits } from './run-queue.ts';

export interface SplitSessionOptions {
  /** Where the broker is: `mqtt://host:1883`, `mqtts://`, `ws://`, `wss://`. A login may stand in the URL or below. */
  readonly broker: string;
  /** The name under which the gateway serves the model. */
  readonly model: string;
  /** This device's name on the broker, letters, digits, `_` and `-`, at most 64. @default a random one */
  readonly device?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Certificates in PEM, for `mqtts://` and `wss://`. */
  readonly tls?:
    | {
        readonly ca?: string | undefined;
        readonly cert?: string | undefined;
        readonly key?: string | undefined;
      }
    | undefined;
  /** This device's key at the gateway: payloads are encrypted above TLS. Needs `device`, whose name the key belongs to. */
  readonly encryption?: { readonly keyId: string; readonly key: string } | undefined;
  /** First level of every topic. @default 'cutpoint' */
  readonly namespace?: string | undefined;
  /** MQTT 3.1.1 (4) or 5. @default 4 */
  readonly protocolVersion?: 4 | 5 | undefined;
  /** Longest time from `run` to an answer, in milliseconds. @default 2000 */
  readonly deadlineMs?: number | undefined;
  /** Longest wait for broker and gateway while the session is made, in milliseconds. @default 3000 */
  readonly connectTimeoutMs?: number | undefined;
  /**
   * What answers when the cloud does not: the whole model on this device, or the error. Of a file that holds the head of
   * a model alone it is always `none`. @default 'local'
   */
  readonly fallback?: 'local' | 'none' | undefined;
  /**
   * Without a fallback: makes the session though no gateway with this very model is there. Its runs fail until one is.
   * @default false
   */
  readonly startsOffline?: boolean | undefined;
  /** `stay`: the model's inputs never leave the device; only what a cut inside the model sends does. @default 'may-leave' */
  readonly inputs?: 'may-leave' | 'stay' | undefined;
  /**
   * `stay`: the model's outputs are made on the device. A gateway then runs the middle of the model alone, between two cuts
   * that both move (a U). With `inputs: 'stay'` it sees neither end. @default 'may-leave'
   */
  readonly outputs?: 'may-leave' | 'stay' | undefined;
  /**
   * Gateways that a request passes in a row, by the ids of those that may run each stage: `[['fog-1', 'fog-2'], ['cloud']]`.
   * An empty list is any gateway that serves what the stage needs. Two stages and more are a pipeline: each gateway
   * hands on to the next. Up to 8. @default one stage, at any gateway
   */
  readonly stages?: readonly (readonly string[])[] | undefined;
  /**
   * Where gateways may be, by the region that they announce; one that announces none is in none of them. A plan's own
   * regions hold as well. @default anywhere
   */
  readonly regions?: readonly string[] | undefined;
  /** Cuts shallower than this share of the model's nodes are never used, 0 to 1. @default 0 */
  readonly minDepth?: number | undefined;
  /**
   * Gaussian noise over all that is sent, before it is encoded: its standard deviation as a share of that of each tensor's own
   * values, above 0, at most 16, as `cutpoint leakage` measures it. Answers of the cloud change with it, those of the device
   * do not. Arms that send anything but float32 tensors are left out; see docs/leakage.md. In Node. @default none
   */
  readonly noise?: number | undefined;
  /** How activations may travel; every cut competes in each. @default ['uint8+deflate', 'uint8'] */
  readonly profiles?: readonly CodecProfile[] | undefined;
  /** How outputs travel back. @default 'float32+deflate', which is exact */
  readonly replyProfile?: CodecProfile | undefined;
  /**
   * A plan of this model, as `cutpoint plan` writes it: the file's path (in Node), or the file parsed. Its arms are then
   * the session's, with what they cost, so that the first run may already be split; its policy holds.
   */
  readonly plan?: string | object | undefined;
  /**
   * A policy.yaml, its path (in Node) or its content, or several that all hold. Its `placement` binds: a gateway that does not
   * show by a signed descriptor that it keeps it is never asked; see docs/policy.md. @default none
   */
  readonly policy?: PolicyOption | readonly PolicyOption[] | undefined;
  /** What the policy's placement has to know. */
  readonly placement?: PlacementOptions | undefined;
  /** Hears of policy decisions, cut changes and the model; a log from `openAuditLog`, say. @default nobody does */
  readonly audit?: AuditSink | undefined;
  /** Most cuts that are offered, 1 to 32. The model is held once, in this many segments and one. @default 8 */
  readonly maxCuts?: number | undefined;
  /** Largest message in bytes, either way. @default 67108864 */
  readonly maxPayloadBytes?: number | undefined;
  /** Shapes that bind symbolic dimensions while cuts are chosen, as `{x: [1, 3, 480, 640]}`. */
  readonly inputShapes?: Readonly<Record<string, readonly number[]>> | undefined;
  /** Threads of the runtime. @default as many as the machine gives, at most 8 */
  readonly threads?: number | undefined;
  /** What runs the model, where it is not onnxruntime-node on the CPU. */
  readonly runtime?: RuntimeOptions | undefined;
  /**
   * Runs at a time, and how many more may wait; what does not fit ends with `overloaded`, or, by `whenFull`, on the device.
   * `next` says which of those that wait goes first; `newest` drops the ones before it, as a camera's frames may be.
   * @default 16 in flight; 64 waiting of together 256 MiB, no longer than 2000 ms; `refuse`; `oldest`
   */
  readonly queue?: QueueOptions | undefined;
  /**
   * How careful the link is taken: 0.5 plans for it as expected, 0.9 for one that is slower nine times in ten. Up to 0.99.
   * @default 0.5
   */
  readonly quantile?: number | undefined;
  /** Hears of runs as spans; see `openTelemetryTracer` of `@cutpoint/sdk/opentelemetry`. @default none are made */
  readonly tracer?: RunTracer | undefined;
  /** Plays a slower device: after each stage it idles until it is this many times slower than it ran. @default 1 */
  readonly emulatedSlowdown?: number | undefined;
}

export type PolicyOption = string | object;

export interface PlacementOptions {
  /** Of the data that this session runs, by the policy's names. @default the policy's own */
  readonly dataClass?: string | undefined;
  /** Where this device is; needed where the policy limits where parameters may be. */
  readonly region?: string | undefined;
  /** Public keys in PEM (Ed25519) that sign descriptors of gateways. Needed where the policy limits gateways. */
  readonly gatewayKeys?: string | undefined;
  /**
   * File of the highest counter of each gateway's descriptor, so that older ones stay refused after a restart; or what
   * `openCounters` made of it, for several sessions. @default they are remembered until `release`
   */
  readonly gatewayCounters?: string | CounterStore | undefined;
}

export interface RuntimeOptions {
  /** The execution provider, by ONNX Runtime's name: `cuda`, `webgpu`, ... Nothing falls back in silence. @default 'cpu' */
  readonly provider?: string | undefined;
  /** Another build of onnxruntime-node: an absolute path or a package name. @default 'onnxruntime-node' */
  readonly modulePath?: string | undefined;
  /**
   * Whether each session of ONNX Runtime on the CPU keeps the memory that a run needed for the next one. `false` is for
   * devices that are short of it: runs take a little longer. @default true
   */
  readonly memoryArena?: boolean | undefined;
  /**
   * Whether heads give bytes instead of floats for the profiles `uint8…`, so that a quarter leaves a graphics processor:
   * `auto` where the provider is `cuda` or `webgpu`. @default 'auto'
   */
  readonly quantise?: 'auto' | 'on' | 'off' | undefined;
}

/** See run-queue.ts. */
export type QueueOptions = { readonly [Name in QueueField]?: QueueLimits[Name] | undefined };
type QueueField = 'inFlight' | 'maxQueuedCount' | 'maxQueuedBytes' | 'maxAgeMs' | 'whenFull' | 'next';

const codecProfile = z.custom<CodecProfile>(
  (value) => typeof value === 'string' && isCodecProfile(value),
  'expected a codec profile, see docs/codec.md',
);

const runtime = z.strictObject({
  provider: z.optional(z.string().check(z.minLength(1))),
  modulePath: z.optional(z.string().check(z.minLength(1))),
  memoryArena: z.optional(z.boolean()),
  quantise: z.optional(z.enum(['auto', 'on', 'off'])),
});

const queue = z.strictObject({
  inFlight: z._default(z.int().check(z.gte(1), z.lte(1024)), 16),
  maxQueuedCount: z._default(z.int().check(z.gte(0), z.lte(65_536)), 64),
  maxQueuedBytes: z._default(z.int().check(z.gte(0)), 256 * 2 ** 20),
  maxAgeMs: z._default(z.number().check(z.positive(), z.lte(3_600_000)), 2000),
  whenFull: z._default(z.enum(['refuse', 'drop-oldest', 'local']), 'refuse'),
  next: z._default(z.enum(['oldest', 'newest']), 'oldest'),
});

const policyOption = z.union([z.string().check(z.minLength(1)), z.record(z.string(), z.unknown())]);

const isStore = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'get' in value && 'raise' in value;

const placement = z.strictObject({
  dataClass: z.optional(z.string().check(z.regex(/^[A-Za-z0-9_-]{1,64}$/))),
  region: z.optional(z.string().check(z.minLength(1), z.maxLength(64))),
  gatewayKeys: z.optional(z.string().check(z.minLength(1))),
  gatewayCounters: z.optional(
    z.union([
      z.string().check(z.minLength(1)),
      z.custom<CounterStore>(isStore, 'expected a path, or what openCounters gives'),
    ]),
  ),
});

const isSink = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'append' in value && typeof value.append === 'function';

const isTracer = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'start' in value && typeof value.start === 'function';

const schema = z.strictObject({
  broker: z.string().check(z.regex(/^(mqtts?|wss?|tcp|ssl):\/\/.+/, 'expected a URL as mqtt://host:1883')),
  model: z
    .string()
    .check(z.regex(/^[A-Za-z0-9_.-]{1,64}$/, 'expected 1 to 64 letters, digits, "_", "." or "-"')),
  device: z.optional(
    z.string().check(z.regex(/^[A-Za-z0-9_-]{1,64}$/, 'expected 1 to 64 letters, digits, "_" or "-"')),
  ),
  username: z.optional(z.string()),
  password: z.optional(z.string()),
  tls: z.optional(
    z.strictObject({ ca: z.optional(z.string()), cert: z.optional(z.string()), key: z.optional(z.string()) }),
  ),
  encryption: z.optional(
    z.strictObject({
      keyId: z
        .string()
        .check(z.regex(/^[A-Za-z0-9_-]{1,64}$/, 'expected 1 to 64 letters, digits, "_" or "-"')),
      key: z.string().check(z.regex(/^[A-Za-z0-9_-]{43}=?$/, 'expected 32 bytes as base64url')),
    }),
  ),
  namespace: z._default(z.string().check(z.regex(/^[A-Za-z0-9_-]{1,64}$/)), 'cutpoint'),
  protocolVersion: z._default(z.union([z.literal(4), z.literal(5)]), 4),
  deadlineMs: z._default(z.number().check(z.positive(), z.lte(3_600_000)), 2000),
  connectTimeoutMs: z._default(z.number().check(z.nonnegative(), z.lte(600_000)), 3000),
  fallback: z._default(z.enum(['local', 'none']), 'local'),
  startsOffline: z._default(z.boolean(), false),
  inputs: z._default(z.enum(['may-leave', 'stay']), 'may-leave'),
  outputs: z._default(z.enum(['may-leave', 'stay']), 'may-leave'),
  stages: z.optional(
    z
      .array(
        z
          .array(z.string().check(z.regex(/^[A-Za-z0-9_-]{1,64}$/, 'expected the id of a gateway')))
          .check(z.maxLength(16)),
      )
      .check(z.minLength(1), z.maxLength(8)),
  ),
  regions: z.optional(
    z.array(z.string().check(z.minLength(1), z.maxLength(64))).check(z.minLength(1), z.maxLength(64)),
  ),
  minDepth: z._default(z.number().check(z.gte(0), z.lte(1)), 0),
  noise: z.optional(z.number().check(z.positive(), z.lte(16))),
  profiles: z._default(z.array(codecProfile).check(z.minLength(1)), ['uint8+deflate', 'uint8']),
  replyProfile: z._default(codecProfile, 'float32+deflate'),
  maxCuts: z._default(z.int().check(z.gte(1), z.lte(32)), 8),
  maxPayloadBytes: z._default(z.int().check(z.gte(1024), z.lte(2 ** 30)), 64 * 2 ** 20),
  plan: z.optional(z.union([z.string().check(z.minLength(1)), z.record(z.string(), z.unknown())])),
  policy: z.optional(z.union([policyOption, z.array(policyOption).check(z.minLength(1), z.maxLength(8))])),
  placement: z.optional(placement),
  audit: z.optional(z.custom<AuditSink>(isSink, 'expected an audit log, such as from openAuditLog')),
  inputShapes: z.optional(z.record(z.string(), z.array(z.int().check(z.nonnegative())))),
  threads: z.optional(z.int().check(z.gte(1), z.lte(256))),
  runtime: z.optional(runtime),
  queue: z.prefault(queue, {}),
  quantile: z._default(z.number().check(z.gte(0.5), z.lte(0.99)), 0.5),
  tracer: z.optional(z.custom<RunTracer>(isTracer, 'expected a tracer, such as openTelemetryTracer(tracer)')),
  emulatedSlowdown: z._default(z.number().check(z.gte(1), z.lte(1000)), 1),
});

type Defaulted =
  | 'namespace'
  | 'protocolVersion'
  | 'deadlineMs'
  | 'connectTimeoutMs'
  | 'fallback'
  | 'startsOffline'
  | 'inputs'
  | 'outputs'
  | 'minDepth'
  | 'profiles'
  | 'replyProfile'
  | 'maxCuts'
  | 'maxPayloadBytes'
  | 'quantile'
  | 'emulatedSlowdown';

/** The options with every default filled in. */
export type ResolvedOptions = Omit<SplitSessionOptions, Defaulted | 'queue'> & {
  readonly [Name in Defaulted]-?: NonNullable<SplitSessionOptions[Name]>;
} & { readonly queue: Pick<QueueLimits, QueueField> };

/** All fields, checked; the caller's object stays untouched. @throws SplitError `options-invalid` naming the option */
export function resolveOptions(options: SplitSessionOptions): ResolvedOptions {
  const result = schema.safeParse(options);
  if (result.success && result.data.encryption && result.data.device === undefined)
    throw new SplitError(
      'options-invalid',
      'encryption: expected device beside it, the name the key belongs to',
    );
  if (result.success) return result.data;
  const issues = result.error.issues.map(({ path, message }) => `${path.join('.') || 'options'}: ${message}`);
  throw new SplitError('options-invalid', issues.join('; '));
}
