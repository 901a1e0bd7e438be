/** Which requests are kept when the cloud is away: those that ask for it, with `parameters.store`. */
import type { InferBody } from '@cutpoint/sdk/oip';
import { isCloudAway } from '../inputs/stored-inputs.ts';

export function isToBeStored({ json }: InferBody, error: unknown): boolean {
  const { parameters } = json as { parameters?: { store?: unknown } };
  return parameters?.store === true && isCloudAway(error);
}
