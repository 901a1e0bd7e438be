/** Which gateway runs the tail: the first alive that has the very same model, or why there is none. */
import { SplitError } from '../errors.ts';
import type { AnnouncedModel, Announcement } from '../transport/request-client.ts';

export type Tail =
  | { readonly gateway: string; readonly announced: AnnouncedModel; readonly error?: undefined }
  | { readonly error: SplitError; readonly announced?: undefined };

export function findTail(gateways: readonly Announcement[], name: string, digest: string): Tail {
  const ready = gateways.filter(({ state }) => state === 'ready');
  if (ready.length === 0)
    return { error: new SplitError('gateway-unavailable', `no gateway is ready; ${gateways.length} known`) };
  const serving = ready.flatMap(({ gateway, models }) =>
    models.filter((model) => model.name === name).map((announced) => ({ gateway, announced })),
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

function names(gateways: readonly Announcement[]): string {
  const all = gateways.flatMap(({ models }) => models.map(({ name }) => `'${name}'`));
  return all.length === 0 ? 'nothing' : [...new Set(all)].join(', ');
}
