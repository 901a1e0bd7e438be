/** The way of a request over several gateways: who may be asked first, and what it says of the stages behind. */
import { SplitError } from '../errors.ts';
import type { SplitArm } from '../planner/arm.ts';
import type { Announcement, RouteStage } from '../transport/request-client.ts';
import type { SessionParts } from './parts.ts';
import { type FoundTail, findTails, runsArm } from './tail.ts';

type Knowing = Pick<SessionParts, 'client' | 'model' | 'options'>;

/** Gateways that the session may ask itself. */
export function firstGateways({
  client,
  options,
}: Pick<Knowing, 'client' | 'options'>): readonly Announcement[] {
  const [named = []] = options.stages ?? [];
  const all = client.gateways();
  return named.length === 0 ? all : all.filter(({ gateway }) => named.includes(gateway));
}

/** Those that can be asked for this arm now, the first one first. */
export function tailsFor(parts: Knowing, arm: SplitArm): readonly FoundTail[] {
  const { model, options } = parts;
  if (arm.via !== undefined && namesOf(parts, arm.via.length).some((names) => names?.length === 0)) return [];
  const wanted = { model: options.model, digest: model.digest, regions: options.regions };
  return findTails(firstGateways(parts), wanted).filter((tail) => runsArm(tail, arm));
}

/** @throws SplitError `gateway-unavailable` where the regions leave nobody for a stage */
export function routeOf(parts: Knowing, { via = [], profile }: SplitArm): readonly RouteStage[] {
  const names = namesOf(parts, via.length);
  return via.map(({ id }, i) => {
    const gateways = names[i];
    if (gateways?.length === 0)
      throw new SplitError(
        'gateway-unavailable',
        `no gateway in an allowed region is known for stage ${i + 2}`,
      );
    return { cut: id, profile, ...(gateways && { gateways }) };
  });
}

const MOST_NAMES = 16;

/**
 * Of each stage behind the first, whom it may go to; undefined is anybody. Where regions are a wall, only gateways that the
 * device itself knows to be inside.
 */
function namesOf({ client, options }: Knowing, count: number): readonly (readonly string[] | undefined)[] {
  const { regions, stages = [] } = options;
  const inside = client
    .gateways()
    .filter(({ region }) => region !== undefined && regions?.includes(region))
    .map(({ gateway }) => gateway);
  return Array.from({ length: count }, (_, i) => {
    const named = stages[i + 1] ?? [];
    if (regions === undefined) return named.length === 0 ? undefined : named;
    const allowed = named.length === 0 ? inside : named.filter((name) => inside.includes(name));
    return allowed.slice(0, MOST_NAMES);
  });
}
