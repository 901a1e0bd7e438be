/** A policy: what the user wants and will not give up, as it stands in policy.yaml. Reading YAML is the caller's. */
import { z } from 'zod';
import { SplitError } from '../errors.ts';
import type { Constraints, Wish } from './constraints.ts';
import {
  type CloudPrices,
  OBJECTIVES,
  type Objective,
  type PowerModel,
  RADIOS,
  type RadioName,
} from './objective.ts';

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

const Watts = z.number().nonnegative().max(10_000);
const Radio = z.enum(Object.keys(RADIOS) as [RadioName]);
const Source = z.string().min(1).max(500);

const PowerSchema = z.strictObject({
  computeWatts: Watts,
  idleWatts: Watts,
  radio: Radio.optional(),
  sendWatts: Watts.optional(),
  sendWattsPerMbps: Watts.optional(),
  source: Source.optional(),
});

const constraintFields = {
  deadlineMs: z.number().positive().optional(),
  deviceMemoryBytes: z.number().positive().optional(),
  maxAccuracyLoss: z.number().min(0).max(1).optional(),
  maxPayloadBytes: z.number().positive().optional(),
  inputs: z.enum(['may-leave', 'stay']).optional(),
  minDepth: z.number().min(0).max(1).optional(),
  regions: z.array(z.string().min(1).max(64)).min(1).max(64).optional(),
};

const PricesSchema = z.strictObject({
  perComputeHour: z.number().nonnegative(),
  perGigabyte: z.number().nonnegative(),
});

const PolicySchema = z.strictObject({
  objective: z.enum(OBJECTIVES).default('latency'),
  ...constraintFields,
  afterNode: z.string().min(1).max(4096).optional(),
  power: PowerSchema.optional(),
  prices: PricesSchema.optional(),
});

/** A resolved policy as a plan repeats it. */
export const WishSchema: z.ZodType<Wish> = z.strictObject({
  objective: z.enum(OBJECTIVES),
  constraints: z.strictObject(constraintFields),
  models: z
    .strictObject({
      prices: PricesSchema.optional(),
      power: z
        .strictObject({
          computeWatts: Watts,
          idleWatts: Watts,
          sendWatts: Watts,
          sendWattsPerMbps: Watts,
          source: Source,
        })
        .optional(),
    })
    .optional(),
});

/** The share of the nodes that a head has which ends with the named node; undefined where there is none of that name. */
export type DepthOfNode = (name: string) => number | undefined;

/**
 * Checks a policy and completes it.
 * @param depthOfNode of the model that the policy is for; without one a policy cannot name a node
 * @throws SplitError `options-invalid` naming each field at fault
 */
export function resolvePolicy(content: unknown, depthOfNode?: DepthOfNode): Wish {
  const parsed = PolicySchema.safeParse(content ?? {});
  if (!parsed.success) throw new SplitError('options-invalid', describeIssues('policy', parsed.error.issues));
  const { objective, power, prices, afterNode, ...limits } = parsed.data;
  if (objective === 'energy' && !power) throw needs('energy', 'power');
  if (objective === 'cost' && !prices) throw needs('cost', 'prices');
  const constraints =
    afterNode === undefined ? limits : { ...limits, ...after(afterNode, limits, depthOfNode) };
  return { objective, constraints, models: { prices, power: power && resolvePower(power) } };
}

function after(
  name: string,
  { minDepth }: Constraints,
  depthOfNode: DepthOfNode | undefined,
): Pick<Constraints, 'minDepth'> {
  const depth = minDepth === undefined ? depthOfNode?.(name) : undefined;
  if (depth !== undefined) return { minDepth: depth };
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
