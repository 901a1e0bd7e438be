/** Whether a plan keeps the policy that stands beside it in a document. */
import { SplitError } from '../errors.ts';
import { brokenConstraints, type Constraints } from '../planner/constraints.ts';
import type { Plan } from '../planner/plan-file.ts';
import { placementRules, resolvePolicy } from '../planner/policy.ts';

/**
 * What holds for all data and every link: limits of classes are for whoever knows the class, deadlines and regions for who
 * knows link and gateway.
 */
const LIMITS = ['inputs', 'outputs', 'minDepth', 'maxAccuracyLoss', 'maxPayloadBytes'] as const;

/** @throws SplitError `options-invalid` where the policy is none, or the plan may choose an arm that it forbids */
export function checkPlanKeeps(plan: Plan, policy: unknown): void {
  placementRules(policy); // Refuses what is no policy.
  const limits = limitsOf(policy);
  const now = {
    ...plan.link,
    uplinkBitsPerSecond: plan.toBitsPerSecond,
    deviceSlowdown: 1,
    cloudSlowdown: 1,
  };
  const breaking = plan.arms.flatMap((arm) => {
    const broken = brokenConstraints(arm, limits, now);
    return arm.excludedBy.length > 0 || broken.length === 0 ? [] : [`${arm.name} (${broken.join(', ')})`];
  });
  const [first, ...others] = breaking;
  if (first === undefined) return;
  const more = others.length > 0 ? ` and ${others.length} more` : '';
  throw new SplitError(
    'options-invalid',
    `the plan may choose what the policy forbids: ${first}${more}; plan with this --policy`,
  );
}

function limitsOf(policy: unknown): Constraints {
  const said = (policy ?? {}) as Readonly<Record<string, unknown>>;
  return resolvePolicy(
    Object.fromEntries(LIMITS.filter((name) => name in said).map((name) => [name, said[name]])),
  ).constraints;
}
