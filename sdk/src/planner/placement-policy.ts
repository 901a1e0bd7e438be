/** The `placement` of a policy.yaml: where data of which class may be, and what of it. Narrowed to the rules of one class. */
import { SplitError } from '../errors.ts';
import { z } from '../zod.ts';

/** What may be. Absent is unlimited; what stands for a class narrows what stands for all. */
export interface PlacementLimits {
  /** Regions where a gateway may see what crosses a cut. */
  readonly activations?: readonly string[] | undefined;
  /** Regions where the model's weights may be: at gateways, and on devices. */
  readonly parameters?: readonly string[] | undefined;
  /** No cut shallower than this share of the nodes, 0 to 1. */
  readonly minDepth?: number | undefined;
  /** `stay`: neither the input nor a picture of it leaves the device. */
  readonly inputs?: 'may-leave' | 'stay' | undefined;
  /** `stay`: outputs of the model are made on the device alone: a gateway runs what lies between two cuts. */
  readonly outputs?: 'may-leave' | 'stay' | undefined;
  /** Names of inputs and of values inside the model that exist on the device alone: not sent, and not made elsewhere. */
  readonly keep?: readonly string[] | undefined;
  /** `required`: payloads are sealed from the device to the gateway. */
  readonly encryption?: 'required' | 'optional' | undefined;
  /** Who may run the gateway, as its descriptor names them. */
  readonly providers?: readonly string[] | undefined;
  /** Longest time that a gateway may keep what it was sent, or answered, in milliseconds after the answer. */
  readonly retentionMs?: number | undefined;
  /** Least noise over all that is sent, as a session's `noise`. Only who sends can keep it. */
  readonly noise?: number | undefined;
  /** `cloud`: of the weights a device holds those of a head alone. */
  readonly tailWeights?: 'cloud' | 'anywhere' | undefined;
}

export interface PlacementPolicy extends PlacementLimits {
  /** The class of data where a session or a request names none. @default the limits of all classes together */
  readonly dataClass?: string | undefined;
  readonly classes?: Readonly<Record<string, PlacementLimits>> | undefined;
  /** How far the clocks of those who sign and of this machine may be apart, in milliseconds. @default 60000 */
  readonly clockSkewMs?: number | undefined;
}

/** The limits of one class of data, complete. */
export interface PlacementRules extends PlacementLimits {
  readonly dataClass?: string | undefined;
  readonly keep: readonly string[];
  readonly clockSkewMs: number;
}

const Name = z.string().check(z.minLength(1), z.maxLength(64));
const Names = z.array(Name).check(z.minLength(1), z.maxLength(64));
const ClassName = z
  .string()
  .check(z.regex(/^[A-Za-z0-9_-]{1,64}$/, 'expected 1 to 64 letters, digits, "_" or "-"'));

const limitFields = {
  activations: z.optional(Names),
  parameters: z.optional(Names),
  minDepth: z.optional(z.number().check(z.gte(0), z.lte(1))),
  inputs: z.optional(z.enum(['may-leave', 'stay'])),
  outputs: z.optional(z.enum(['may-leave', 'stay'])),
  keep: z.optional(
    z.array(z.string().check(z.minLength(1), z.maxLength(4096))).check(z.minLength(1), z.maxLength(256)),
  ),
  encryption: z.optional(z.enum(['required', 'optional'])),
  providers: z.optional(Names),
  retentionMs: z.optional(z.number().check(z.nonnegative())),
  noise: z.optional(z.number().check(z.positive(), z.lte(16))),
  tailWeights: z.optional(z.enum(['cloud', 'anywhere'])),
};

const DEFAULT_SKEW_MS = 60_000;

export const PlacementSchema: z.ZodMiniType<PlacementPolicy> = z.strictObject({
  ...limitFields,
  dataClass: z.optional(ClassName),
  classes: z.optional(z.record(ClassName, z.strictObject(limitFields))),
  clockSkewMs: z.optional(z.number().check(z.nonnegative(), z.lte(86_400_000))),
});

/**
 * The rules for one class of data.
 * @param dataClass what the caller says; else the policy's own; without either all classes bind
 * @throws SplitError `placement-denied` for a class that the policy does not know
 */
export function rulesOfClass(policy: PlacementPolicy, dataClass?: string): PlacementRules {
  const { classes = {}, dataClass: ownClass, clockSkewMs = DEFAULT_SKEW_MS, ...forAll } = policy;
  const name = dataClass ?? ownClass;
  if (name !== undefined && Object.keys(classes).length > 0 && !Object.hasOwn(classes, name))
    throw new SplitError(
      'placement-denied',
      `data of class '${name}': the policy knows ${Object.keys(classes).join(', ')}`,
    );
  const own = name === undefined ? Object.values(classes) : [classes[name] ?? {}];
  const narrowed = own.reduce<PlacementLimits>(narrower, forAll);
  return {
    ...narrowed,
    keep: narrowed.keep ?? [],
    clockSkewMs,
    ...(name !== undefined && { dataClass: name }),
  };
}

/** Both hold. */
export function narrowRules(a: PlacementRules, b: PlacementRules): PlacementRules {
  const both = narrower(a, b);
  return {
    ...both,
    keep: both.keep ?? [],
    clockSkewMs: Math.min(a.clockSkewMs, b.clockSkewMs),
    dataClass: a.dataClass ?? b.dataClass,
  };
}

function narrower(a: PlacementLimits, b: PlacementLimits): PlacementLimits {
  const stays = (end: 'inputs' | 'outputs') => [a, b].some((one) => one[end] === 'stay');
  const limits = {
    activations: common(a.activations, b.activations),
    parameters: common(a.parameters, b.parameters),
    minDepth: largest(a.minDepth, b.minDepth),
    noise: largest(a.noise, b.noise),
    inputs: stays('inputs') ? ('stay' as const) : undefined,
    outputs: stays('outputs') ? ('stay' as const) : undefined,
    keep: a.keep || b.keep ? [...new Set([...(a.keep ?? []), ...(b.keep ?? [])])] : undefined,
    encryption: [a, b].some(({ encryption }) => encryption === 'required')
      ? ('required' as const)
      : undefined,
    providers: common(a.providers, b.providers),
    retentionMs: smallest(a.retentionMs, b.retentionMs),
    tailWeights: [a, b].some(({ tailWeights }) => tailWeights === 'cloud') ? ('cloud' as const) : undefined,
  };
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
}

/** What both name; where one names nothing, what the other does. */
function common(a?: readonly string[], b?: readonly string[]): readonly string[] | undefined {
  return a && b ? a.filter((name) => b.includes(name)) : (a ?? b);
}

/** The larger of those that are there. */
export function largest(a?: number, b?: number): number | undefined {
  return a === undefined ? b : Math.max(a, b ?? a);
}

function smallest(a?: number, b?: number): number | undefined {
  return a === undefined ? b : Math.min(a, b ?? a);
}
