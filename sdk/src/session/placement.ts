/** The policy of a session: which gateways it may ask, which cuts it may use, and what of that is written down. */
import { type AuditTrail, createAuditTrail } from '../audit/trail.ts';
import type { Cut } from '../cut/cut.ts';
import { asSplitError, SplitError } from '../errors.ts';
import { type CounterStore, memoryCounters, type PlacementGate } from '../placement/gate.ts';
import { createNotedGate } from '../placement/noted-gate.ts';
import { readGatewayKeys } from '../placement/verify-descriptor.ts';
import {
  breachesOfCut,
  breachesOfEnd,
  breachesOfWhole,
  checkKept,
  deniedBy,
  needsDescriptor,
} from '../planner/placement.ts';
import { largest, narrowRules, type PlacementRules } from '../planner/placement-policy.ts';
import { dataClasses, placementRules } from '../planner/policy.ts';
import type { Platform } from './create.ts';
import { isHead } from './head-rules.ts';
import type { SplitModel } from './open-model.ts';
import type { PlacementOptions, ResolvedOptions } from './options.ts';

export interface SessionPlacement {
  readonly rules: PlacementRules;
  /** Absent without a policy. */
  readonly gate: PlacementGate | undefined;
  readonly trail: AuditTrail;
  /** Sent along with each request, where a policy tells classes apart. */
  readonly dataClass: string | undefined;
}

/** @throws SplitError `options-invalid`, `placement-denied` where the policy does not even let the device have the model */
export async function sessionPlacement(
  platform: Platform,
  options: ResolvedOptions,
): Promise<SessionPlacement> {
  const trail = createAuditTrail(options.audit, options.device ?? 'device');
  try {
    return await openPlacement(platform, options, trail);
  } catch (error) {
    const { code, message } = asSplitError(error);
    trail.note('policy-decision', { decision: 'session refused', code, what: message.slice(0, 1024) });
    await trail.flush();
    throw error;
  }
}

async function openPlacement(
  platform: Platform,
  options: ResolvedOptions,
  trail: AuditTrail,
): Promise<SessionPlacement> {
  const { policy, placement: own = {}, encryption } = options;
  const contents = await policyContents(platform, policy);
  const [first, ...others] = contents.map((content) => placementRules(content, own.dataClass));
  if (!first) return { rules: NO_RULES, gate: undefined, trail, dataClass: own.dataClass };
  const rules = others.reduce(narrowRules, first);
  const keys = own.gatewayKeys === undefined ? [] : await readGatewayKeys(own.gatewayKeys);
  if (needsDescriptor(rules) && keys.length === 0)
    throw wrong(
      'gatewayKeys: the policy limits gateways, which must show a descriptor that one of these keys signed',
    );
  if (rules.encryption === 'required' && !encryption)
    throw wrong('encryption: the policy requires it; give the session a key');
  checkOwnRegion(rules, own.region);
  const counters = await countersOf(platform, own.gatewayCounters);
  const gate = createNotedGate({ rules, keys, counters, trail });
  const tellsClasses = contents.some((content) => dataClasses(content).length > 0);
  return {
    rules,
    gate,
    trail,
    dataClass: tellsClasses ? rules.dataClass : undefined,
  };
}

async function countersOf(
  { openCounters }: Platform,
  given: PlacementOptions['gatewayCounters'],
): Promise<CounterStore> {
  if (given === undefined) return memoryCounters();
  if (typeof given !== 'string') return given;
  if (openCounters) return openCounters(given);
  throw wrong('gatewayCounters: there are no files here');
}

const NO_RULES: PlacementRules = { keep: [], clockSkewMs: 0 };

async function policyContents(
  platform: Platform,
  policy: ResolvedOptions['policy'],
): Promise<readonly unknown[]> {
  if (policy === undefined) return [];
  const all = Array.isArray(policy) ? policy : [policy];
  return Promise.all(
    all.map((one: unknown) => {
      if (typeof one !== 'string') return one;
      if (platform.readYaml) return platform.readYaml(one);
      throw wrong('policy: there are no files here; give the policy parsed');
    }),
  );
}

/** Weights are on this device: it is bound as gateways are. */
function checkOwnRegion({ parameters }: PlacementRules, region: string | undefined): void {
  if (!parameters || (region !== undefined && parameters.includes(region))) return;
  throw new SplitError(
    'placement-denied',
    `this device is in ${region ?? 'no region that it names'}; parameters may be in ${parameters.join(', ')}`,
  );
}

/**
 * The options as the policy leaves them, and which cuts it lets through.
 * @throws SplitError `placement-denied` for a whole model where only a head may be here
 */
export function placedOptions(options: ResolvedOptions, { rules }: SessionPlacement, model: SplitModel) {
  const whole = isHead(model) ? undefined : deniedBy(breachesOfWhole(rules));
  if (whole) throw whole;
  checkKept(rules, model.graph);
  const own: ResolvedOptions = {
    ...options,
    minDepth: Math.max(options.minDepth, rules.minDepth ?? 0),
    noise: largest(options.noise, rules.noise),
    inputs: rules.inputs === 'stay' ? 'stay' : options.inputs,
    outputs: rules.outputs === 'stay' ? 'stay' : options.outputs,
  };
  const denial = (cut: Cut, to?: Cut) =>
    deniedBy([...breachesOfCut(rules, cut, model.graph, to), ...breachesOfEnd(rules, cut, to)]);
  return { own, denial };
}

/** Written once, when the session is made: which cuts there are under the policy, and which it took away. */
export function noteCuts(
  { trail, gate, rules }: SessionPlacement,
  cuts: readonly Cut[],
  model: SplitModel,
): void {
  if (!gate) return;
  const reasonsOf = (cut: Cut) => breachesOfCut(rules, cut, model.graph).map(({ reason }) => reason);
  const removed = cuts.filter((cut) => reasonsOf(cut).length > 0);
  trail.note('policy-decision', {
    decision: 'cuts',
    model: model.digest,
    dataClass: rules.dataClass ?? null,
    allowed: cuts.length - removed.length,
    removed: removed.length,
    why: removed
      .slice(0, 64)
      .map((cut) => `${cut.position === 0 ? 'input' : cut.id}: ${reasonsOf(cut).join(' and ')}`)
      .join('; '),
  });
}

function wrong(what: string): SplitError {
  return new SplitError('options-invalid', what);
}
