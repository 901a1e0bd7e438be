/** The way of a request over several gateways: who may be asked first, and what it says of the stages behind. */
import { SplitError } from '../errors.ts';
import type { SplitArm } from '../planner/arm.ts';
import type { Announcement, RouteStage } from '../transport/request-client.ts';
import type { SessionParts } from './parts.ts';
import { type FoundTail, findTails, isInside, runsArm } from './tail.ts';

type Rules = Pick<SessionParts['options'], 'stages' | 'regions'>;
type Knowing = Pick<SessionParts, 'client' | 'model' | 'options' | 'gate' | 'trail'>;

/** Gateways that the session may ask itself. */
export function firstGateways({
  client,
  options,
}: Pick<Knowing, 'client' | 'options'>): readonly Announcement[] {
  return client.gateways().filter(({ gateway }) => isNamedFirst(gateway, options));
}

/** Whether requests may begin at a gateway that announces this. */
export function mayBeFirst({ gateway, region }: Announcement, options: Rules): boolean {
  return isNamedFirst(gateway, options) && isInside(region, options.regions);
}

function isNamedFirst(gateway: string, { stages: [named = []] = [] }: Pick<Rules, 'stages'>): boolean {
  return named.length === 0 || named.includes(gateway);
}

/** Those that can be asked for this arm now, the first one first. */
export function tailsFor(parts: Knowing, arm: SplitArm): readonly FoundTail[] {
  const { model, options } = parts;
  if (arm.via !== undefined && namesOf(parts, arm.via.length).some((names) => names?.length === 0)) return [];
  const wanted = { model: options.model, digest: model.digest, regions: options.regions };
  return findTails(firstGateways(parts), wanted).filter((tail) => runsArm(tail, arm));
}

/** @throws SplitError `gateway-unavailable` where the regions leave nobody for a stage, `placement-denied` where the policy does */
export function routeOf(parts: Knowing, { via = [], profile }: SplitArm): readonly RouteStage[] {
  const names = namesOf(parts, via.length);
  return via.map(({ id }, i) => {
    const gateways = names[i];
    if (gateways?.length === 0) throw nobodyFor(i + 2, parts);
    return { cut: id, profile, ...(gateways && { gateways }) };
  });
}

/** Under a policy a refusal, which is written down: whom the gate refused, and why, is in the log already. */
function nobodyFor(stage: number, { gate, trail }: Knowing): SplitError {
  const text = `no gateway that is allowed is known for stage ${stage}`;
  if (!gate) return new SplitError('gateway-unavailable', text);
  trail.note('policy-decision', { decision: 'stage refused', stage, what: text });
  return new SplitError('placement-denied', text);
}

const MOST_NAMES = 16;

/**
 * Of each stage behind the first, whom it may go to; undefined is anybody. Where regions are a wall or a policy binds, only gateways
 * that the device itself knows to be inside: those that it hears, and its gate lets through. Nobody else is named, and the gateway
 * before hands on to nobody who is not.
 */
function namesOf(
  { client, options, gate }: Knowing,
  count: number,
): readonly (readonly string[] | undefined)[] {
  const { regions, stages = [] } = options;
  const inside = client
    .gateways()
    .filter(({ region }) => isInside(region, regions))
    .filter(({ gateway }) => gate?.refusal(gateway) === undefined)
    .map(({ gateway }) => gateway);
  return Array.from({ length: count }, (_, i) => {
    const named = stages[i + 1] ?? [];
    if (regions === undefined && gate === undefined) return named.length === 0 ? undefined : named;
    const allowed = named.length === 0 ? inside : named.filter((name) => inside.includes(name));
    return allowed.slice(0, MOST_NAMES);
  });
}
