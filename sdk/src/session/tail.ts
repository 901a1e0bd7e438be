/** Which gateway runs the tail: the first alive in an allowed region that has the very same model, or why there is none. */
import { SplitError } from '../errors.ts';
import type { SplitArm } from '../planner/arm.ts';
import {
  type AnnouncedModel,
  type Announcement,
  INPUT_END,
  type RequestClient,
  servesRange,
} from '../transport/request-client.ts';

export interface FoundTail {
  readonly gateway: string;
  readonly announced: AnnouncedModel;
  readonly announcement: Announcement;
  readonly error?: undefined;
}

export type Tail = FoundTail | { readonly error: SplitError; readonly announced?: undefined };

/** As findTail, of gateways that the client may ask; where its gate refused all that are there, what it says. */
export function lookForTail(
  gateways: readonly Announcement[],
  {
    client,
    options: { model, regions },
  }: {
    readonly client: Pick<RequestClient, 'refusals'>;
    readonly options: { readonly model: string; readonly regions?: readonly string[] | undefined };
  },
  digest: string,
): Tail {
  const tail = findTail(gateways, model, digest, regions);
  const [refusal] = tail.error ? client.refusals() : [];
  return refusal ? { error: refusal } : tail;
}

/** A gateway that does not say where it is is in none of the regions. */
export function isInside(region: string | undefined, regions: readonly string[] | undefined): boolean {
  return regions === undefined || (region !== undefined && regions.includes(region));
}

/** @param regions that are allowed */
export function findTail(
  gateways: readonly Announcement[],
  name: string,
  digest: string,
  regions?: readonly string[],
): Tail {
  const allowed = gateways.filter(({ region }) => isInside(region, regions));
  const ready = allowed.filter(({ state }) => state === 'ready');
  if (regions && allowed.length === 0 && gateways.length > 0) return { error: outsideOf(regions, gateways) };
  if (ready.length === 0)
    return { error: new SplitError('gateway-unavailable', `no gateway is ready; ${gateways.length} known`) };
  const serving = ready.flatMap((announcement) =>
    announcement.models
      .filter((model) => model.name === name)
      .map((announced) => ({ gateway: announcement.gateway, announced, announcement })),
  );
  if (serving.length === 0)
    return {
      error: new SplitError('model-unknown', `no gateway serves '${name}'; they serve ${names(ready)}`),
    };
  const same = serving.find(({ announced }) => announced.digest === digest);
  if (same) return same;
  const theirs = serving[0]?.announced.digest.slice(0, 12);
  return {
    error: new SplitError(
      'model-mismatch',
      `model '${name}' is ${digest.slice(0, 12)} here and ${theirs} at the gateway`,
    ),
  };
}

/** Whether a gateway that announces this runs its part of the arm, and hands on where that is one of several. */
export function runsArm({ announced, announcement }: FoundTail, { cut, via = [], to }: SplitArm): boolean {
  const from = cut.position === 0 ? INPUT_END : cut.id;
  const [next] = via;
  if (next === undefined) return servesRange(announced, { from, to: to?.id });
  return announcement.forwards === true && servesRange(announced, { from, to: next.id });
}

export interface WantedTail {
  readonly model: string;
  readonly digest: string;
  /** @default anywhere */
  readonly regions?: readonly string[] | undefined;
}

/** All that are ready, in an allowed region, and have the very same model; the one to ask first at the head. */
export function findTails(gateways: readonly Announcement[], wanted: WantedTail): readonly FoundTail[] {
  return gateways.flatMap((announcement) => {
    const found = findTail([announcement], wanted.model, wanted.digest, wanted.regions);
    return found.error ? [] : [found];
  });
}

function outsideOf(regions: readonly string[], gateways: readonly Announcement[]): SplitError {
  const theirs = [...new Set(gateways.map(({ region }) => region ?? 'unknown'))].join(', ');
  return new SplitError(
    'gateway-unavailable',
    `gateways are in ${theirs}; regions allows ${regions.join(', ')}`,
  );
}

function names(gateways: readonly Announcement[]): string {
  const all = gateways.flatMap(({ models }) => models.map(({ name }) => `'${name}'`));
  return all.length === 0 ? 'nothing' : [...new Set(all)].join(', ');
}
