/** The form of `edge.yaml`: every key, its unit, its limits and its default. */
import { z } from 'zod';
import { parseWindow } from './models/window.ts';

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

const MODEL_NAME = /^[A-Za-z0-9_.-]{1,64}$/;
const ID = /^[A-Za-z0-9_-]{1,64}$/;
const id = z.string().regex(ID, 'expected 1 to 64 letters, digits, "_" or "-"');
const DAY_MS = 86_400_000;

/** What a fleet may change of a model from afar, beside the model itself. */
export const policySchema = z.strictObject({
  deadlineMs: z.number().positive().max(3_600_000).optional(),
  fallback: z.enum(['local', 'none']).optional(),
  inputs: z.enum(['may-leave', 'stay']).optional(),
  minDepth: z.number().min(0).max(1).optional(),
});

const modelSchema = policySchema.extend({
  path: z.string().min(1).optional(),
  inputShapes: z.record(z.string(), z.array(z.int().min(1)).max(8)).optional(),
  plan: z.string().min(1).optional(),
  policy: z.string().min(1).optional(),
  dataClass: id.optional(),
  noise: z.number().positive().max(16).optional(),
  labels: z.string().min(1).optional(),
});

const runtimeSchema = z.strictObject({
  provider: z.string().min(1).optional(),
  modulePath: z.string().min(1).optional(),
  memoryArena: z.boolean().default(false),
  threads: z.int().min(1).max(256).optional(),
});

const updatesSchema = z.strictObject({
  keys: z.string().min(1).optional(),
  window: z
    .string()
    .refine((text) => parseWindow(text) !== undefined, 'expected HH:MM-HH:MM, such as 02:00-05:00')
    .optional(),
  bytesPerSecond: z.number().positive().default(Number.POSITIVE_INFINITY),
  cacheBytes: z
    .int()
    .min(0)
    .default(2 ** 30),
  probationMs: z.number().min(0).max(DAY_MS).default(60_000),
  tolerance: z.number().min(0).max(1).default(1e-3),
});

const queueSchema = z.strictObject({
  maxBytes: z
    .int()
    .min(65_536)
    .default(2 ** 26),
  maxAgeHours: z.number().positive().max(8_760).default(24),
});

const fleetSchema = z.strictObject({
  healthBytesPerDay: z.int().min(10_000).default(1_000_000),
});

export const configSchema = z.strictObject({
  broker: z
    .string()
    .refine((url) => /^(mqtts?|wss?):/.test(url) && URL.canParse(url), 'expected a URL as mqtt://host:1883'),
  models: z
    .record(
      z.string().regex(MODEL_NAME, 'expected 1 to 64 of A-Z a-z 0-9 _ . -'),
      z.union([
        z
          .string()
          .min(1)
          .transform((path): z.output<typeof modelSchema> => ({ path })),
        modelSchema,
      ]),
    )
    .refine((models) => Object.keys(models).length > 0, 'expected at least one model'),
  listen: z.string().default('127.0.0.1:8080'),
  socket: z.string().min(1).optional(),
  state: z.string().min(1).optional(),
  device: id.optional(),
  namespace: id.optional(),
  username: z.string().optional(),
  passwordFile: z.string().min(1).optional(),
  tls: z
    .strictObject({
      ca: z.string().min(1).optional(),
      cert: z.string().min(1).optional(),
      key: z.string().min(1).optional(),
    })
    .optional(),
  encryption: z.strictObject({ keyId: id, keyFile: z.string().min(1) }).optional(),
  region: z.string().min(1).max(64).optional(),
  gatewayKeys: z.string().min(1).optional(),
  audit: z.strictObject({ file: z.string().min(1), key: z.string().min(1).optional() }).optional(),
  runtime: runtimeSchema.prefault({}),
  updates: updatesSchema.prefault({}),
  queue: queueSchema.prefault({}),
  fleet: fleetSchema.prefault({}),
  watch: z.strictObject({ folder: z.string().min(1), model: z.string().regex(MODEL_NAME) }).optional(),
  mqttInputs: z.boolean().default(false),
  homeAssistant: z.union([z.boolean().transform((on) => (on ? 'homeassistant' : undefined)), id]).optional(),
  connectTimeoutMs: z.number().min(0).max(600_000).default(1_000),
  drainMs: z.number().min(0).max(600_000).default(10_000),
  logLevel: z.enum(LOG_LEVELS).default('info'),
});

export type PolicyConfig = z.output<typeof policySchema>;
/** One model that local applications can ask for. All but the path and the labels go to its split session. */
export type ModelConfig = z.output<typeof modelSchema>;
export type UpdatesConfig = z.output<typeof updatesSchema>;
