/** A policy: what the user wants and will not give up, as it stands in policy.yaml. Reading YAML is the caller's. */

import { SplitError } from '../errors.ts';
import { z } from '../zod.ts';
import type { Constraints, Wish } from './constraints.ts';
import {
  type CloudPrices,
  OBJECTIVES,
  type Objective,
  type PowerModel,
  RADIOS,
  type RadioName,
} from './objective.ts';
import {
  narrowRules,
  type PlacementPolicy,
  type PlacementRules,
  PlacementSchema,
  rulesOfClass,
} from './placement-policy.ts';

/** The content of policy.yaml; every field may be left out. */
export interface Policy extends Constraints {
  /** @default 'latency' */
  readonly objective?: Objective | undefined;
  /** No cut before this node: its name, or that of a value that it makes. Instead of `minDepth`. */
  readonly afterNode?: string | undefined;
  /** Needed for `energy`. */
  readonly power?: PolicyPower | undefined;
  /** Needed for `cost`. */
  readonly prices?: CloudPrices | undefined;
  /** Where data may be; enforced on devices, in plans and at gateways. */
  readonly placement?: PlacementPolicy | undefined;
}

export interface PolicyPower {
  readonly computeWatts: number;
  readonly idleWatts: number;
  /** Either one of the radios that we know, */
  readonly radio?: RadioName | undefined;
  /** or numbers of your own. */
  readonly sendWatts?: number | undefined;
  readonly sendWattsPerMbps?: number | undefined;
  readonly source?: string | undefined;
}

const Watts = z.number().check(z.nonnegative(), z.lte(10_000));
const Radio = z.enum(Object.keys(RADIOS) as [RadioName]);
const Source = z.string().check(z.minLength(1), z.maxLength(500));

const PowerSchema = z.strictObject({
  computeWatts: Watts,
  idleWatts: Watts,
  radio: z.optional(Radio),
  sendWatts: z.optional(Watts),
  sendWattsPerMbps: z.optional(Watts),
  source: z.optional(Source),
});

const constraintFields = {
  deadlineMs: z.optional(z.number().check(z.positive())),
  deviceMemoryBytes: z.optional(z.number().check(z.positive())),
  maxAccuracyLoss: z.optional(z.number().check(z.gte(0), z.lte(1))),
  maxPayloadBytes: z.optional(z.number().check(z.positive())),
  inputs: z.optional(z.enum(['may-leave', 'stay'])),
  outputs: z.optional(z.enum(['may-leave', 'stay'])),
  minDepth: z.optional(z.number().check(z.gte(0), z.lte(1))),
  regions: z.optional(z.array(z.string().check(z.minLength(1), z.maxLength(64))).check(z.maxLength(64))),
};

const PricesSchema = z.strictObject({
  perComputeHour: z.number().check(z.nonnegative()),
  perGigabyte: z.number().check(z.nonnegative()),
});

const PolicySchema = z.strictObject({
  objective: z._default(z.enum(OBJECTIVES), 'latency'),
  ...constraintFields,
  afterNode: z.optional(z.string().check(z.minLength(1), z.maxLength(4096))),
  power: z.optional(PowerSchema),
  prices: z.optional(PricesSchema),
  placement: z.optional(PlacementSchema),
});

/** A resolved policy as a plan repeats it. */
export const WishSchema: z.ZodMiniType<Wish> = z.strictObject({
  objective: z.enum(OBJECTIVES),
  constraints: z.strictObject(constraintFields),
  models: z.optional(
    z.strictObject({
      prices: z.optional(PricesSchema),
      power: z.optional(
        z.strictObject({
          computeWatts: Watts,
          idleWatts: Watts,
          sendWatts: Watts,
          sendWattsPerMbps: Watts,
          source: Source,
        }),
      ),
    }),
  ),
});

/** The share of the nodes that a head has which ends with the named node; undefined where there is none of that name. */
export type DepthOfNode = (name: string) => number | undefined;

/**
 * Checks a policy and completes it; of its placement, the limits on regions and cuts are constraints.
 * @param depthOfNode of the model that the policy is for; without one a policy cannot name a node
 * @param dataClass as for placementRules
 * @throws SplitError `options-invalid` naming each field at fault, `placement-denied` for an unknown class
 */
export function resolvePolicy(content: unknown, depthOfNode?: DepthOfNode, dataClass?: string): Wish {
  const { objective, power, prices, afterNode, placement, ...own } = parsePolicy(content);
  const limits = placement ? { ...own, ...placedLimits(own, rulesOfClass(placement, dataClass)) } : own;
  if (objective === 'energy' && !power) throw needs('energy', 'power');
  if (objective === 'cost' && !prices) throw needs('cost', 'prices');
  const constraints =
    afterNode === undefined ? limits : { ...limits, ...after(afterNode, { own, limits }, depthOfNode) };
  return { objective, constraints, models: { prices, power: power && resolvePower(power) } };
}

/**
 * The rules of placement in a policy for one class of data. Its `regions`, `minDepth`, `inputs` and `outputs` bind as well.
 * @param dataClass what the caller says of the data; else the policy's own `dataClass`; without either all classes bind
 * @throws SplitError `options-invalid`, `placement-denied` for an unknown class
 */
export function placementRules(content: unknown, dataClass?: string): PlacementRules {
  const { placement = {}, regions, minDepth, inputs, outputs } = parsePolicy(content);
  const forAll = rulesOfClass({ activations: regions, minDepth, inputs, outputs });
  return narrowRules(rulesOfClass(placement, dataClass), {
    ...forAll,
    clockSkewMs: Number.POSITIVE_INFINITY,
  });
}

/** The names of the classes that a policy tells apart. @throws SplitError `options-invalid` */
export function dataClasses(content: unknown): readonly string[] {
  return Object.keys(parsePolicy(content).placement?.classes ?? {});
}

function parsePolicy(content: unknown) {
  const parsed = PolicySchema.safeParse(content ?? {});
  if (parsed.success) return parsed.data;
  throw new SplitError('options-invalid', describeIssues('policy', parsed.error.issues));
}

function placedLimits(own: Constraints, rules: PlacementRules): Partial<Constraints> {
  const lists = [own.regions, rules.activations, rules.parameters].filter((list) => list !== undefined);
  const regions = lists.reduce<readonly string[] | undefined>(
    (both, list) => both?.filter((name) => list.includes(name)) ?? list,
    undefined,
  );
  const minDepth = Math.max(own.minDepth ?? 0, rules.minDepth ?? 0);
  return {
    ...(regions && { regions }),
    ...(minDepth > 0 && { minDepth }),
    ...(rules.inputs && { inputs: rules.inputs }),
    ...(rules.outputs && { outputs: rules.outputs }),
  };
}

function after(
  name: string,
  { own: { minDepth }, limits }: { readonly own: Constraints; readonly limits: Constraints },
  depthOfNode: DepthOfNode | undefined,
): Pick<Constraints, 'minDepth'> {
  const depth = minDepth === undefined ? depthOfNode?.(name) : undefined;
  if (depth !== undefined) return { minDepth: Math.max(depth, limits.minDepth ?? 0) };
  const why =
    minDepth === undefined ? `there is no node or value '${name}'` : 'expected this or minDepth, not both';
  throw new SplitError('options-invalid', `policy.afterNode: ${why}`);
}

function resolvePower({ computeWatts, idleWatts, radio, ...own }: PolicyPower): PowerModel {
  const known = radio && RADIOS[radio];
  const sendWatts = own.sendWatts ?? known?.sendWatts;
  const sendWattsPerMbps = own.sendWattsPerMbps ?? known?.sendWattsPerMbps;
  if (sendWatts === undefined || sendWattsPerMbps === undefined)
    throw new SplitError(
      'options-invalid',
      'policy.power: needs radio, or both sendWatts and sendWattsPerMbps',
    );
  const source = own.source ?? known?.source ?? 'as given';
  return { computeWatts, idleWatts, sendWatts, sendWattsPerMbps, source };
}

function needs(objective: string, field: string): SplitError {
  return new SplitError('options-invalid', `policy.${field}: needed for the objective ${objective}`);
}

/** What zod found, one after the other: `policy.deadlineMs: too small`. */
export function describeIssues(root: string, issues: readonly z.core.$ZodIssue[]): string {
  const shown = issues.slice(0, 5).map(({ path, message }) => `${[root, ...path].join('.')}: ${message}`);
  return shown.join('; ') + (issues.length > 5 ? `; and ${issues.length - 5} more` : '');
}
