/** Which gateway runs the tail: the first alive in an allowed region that has the very same model, or why there is none. */
import type { Cut } from '../cut/cut.ts';
import { SplitError } from '../errors.ts';
import type { SplitArm } from '../planner/arm.ts';
import type { AnnouncedModel, Announcement } from '../transport/request-client.ts';

export interface FoundTail {
  readonly gateway: string;
  readonly announced: AnnouncedModel;
  readonly announcement: Announcement;
  readonly error?: undefined;
}

export type Tail = FoundTail | { readonly error: SplitError; readonly announced?: undefined };

/** @param regions that are allowed: a gateway that does not say where it is is in none of them */
export function findTail(
  gateways: readonly Announcement[],
  name: string,
  digest: string,
  regions?: readonly string[],
): Tail {
  const allowed = gateways.filter(({ region }) => !regions || (region && regions.includes(region)));
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

/** Whether a gateway that announces this runs the arm: the tail at its cut, or of a U what lies between its cuts. */
export function runsArm({ cuts, range }: AnnouncedModel, { cut, to }: SplitArm): boolean {
  const has = ({ id, position }: Cut) => position === 0 || cuts.some((announced) => announced.id === id);
  return has(cut) && (to === undefined || (range !== undefined && has(to)));
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
