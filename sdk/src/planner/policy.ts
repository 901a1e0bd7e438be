/** A policy: what the user wants and will not give up, as it stands in policy.yaml. Reading YAML is the caller's. */
import { z } from 'zod';
import { SplitError } from '../errors.ts';
import type { Wish } from './constraints.ts';
import { OBJECTIVES, RADIOS } from './objective.ts';

const Watts = z.number().nonnegative().max(10_000);
const Radio = z.enum(Object.keys(RADIOS) as [keyof typeof RADIOS]);

const Power = z.strictObject({
  computeWatts: Watts,
  idleWatts: Watts,
  /** Either one of the radios that we know, */
  radio: Radio.optional(),
  /** or numbers of your own. */
  sendWatts: Watts.optional(),
  sendWattsPerMbps: Watts.optional(),
  source: z.string().min(1).max(500).optional(),
});

const Prices = z.strictObject({
  perComputeHour: z.number().nonnegative(),
  perGigabyte: z.number().nonnegative(),
});

const Policy = z.strictObject({
  objective: z.enum(OBJECTIVES).default('latency'),
  deadlineMs: z.number().positive().optional(),
  deviceMemoryBytes: z.number().positive().optional(),
  maxAccuracyLoss: z.number().min(0).max(1).optional(),
  maxPayloadBytes: z.number().positive().optional(),
  inputs: z.enum(['may-leave', 'stay']).optional(),
  minDepth: z.number().min(0).max(1).optional(),
  regions: z.array(z.string().min(1).max(64)).min(1).max(64).optional(),
  power: Power.optional(),
  prices: Prices.optional(),
});

/** The content of policy.yaml; every field may be left out. */
export type Policy = z.input<typeof Policy>;

/** Checks a policy and completes it. @throws SplitError `options-invalid` naming each field at fault */
export function resolvePolicy(content: unknown): Wish {
  const parsed = Policy.safeParse(content ?? {});
  if (!parsed.success) throw new SplitError('options-invalid', describeIssues('policy', parsed.error.issues));
  const { objective, power, prices, ...constraints } = parsed.data;
  if (objective === 'energy' && !power) throw needs('energy', 'power');
  if (objective === 'cost' && !prices) throw needs('cost', 'prices');
  return { objective, constraints, models: { prices, power: power && resolvePower(power) } };
}

function resolvePower({ computeWatts, idleWatts, radio, ...own }: z.output<typeof Power>) {
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
