/** Two ways to one answer: the cloud's, and from the moment that the cloud is late the device's too. The first one counts. */
import { asSplitError, type SplitError } from '../errors.ts';

export interface TwoWays<T> {
  /** The signal fires when the device has answered. */
  cloud(signal: AbortSignal): Promise<T>;
  /** Resolves when the cloud is late, with what the device's answer gives as its reason; the signal ends the waiting. */
  late(signal: AbortSignal): Promise<SplitError>;
  /** Whether the device may go on after this. */
  mayGoOn(reason: SplitError): boolean;
  /** The signal fires when the cloud has answered after all. */
  device(reason: SplitError, signal: AbortSignal): Promise<T>;
}

/** @throws SplitError the cloud's where the device may not go on, else the device's */
export async function firstAnswer<T>({ cloud, late, mayGoOn, device }: TwoWays<T>): Promise<T> {
  const [asking, waiting, working] = [
    new AbortController(),
    new AbortController(),
    new AbortController(),
  ] as const;
  const asked = cloud(asking.signal);
  const failed = asked.then(() => undefined, asSplitError);
  const reason = await Promise.race([failed, late(waiting.signal)]);
  waiting.abort();
  if (reason === undefined || !mayGoOn(reason)) return asked;
  try {
    return await Promise.any([asked, device(reason, working.signal)]);
  } catch (both) {
    throw (both as AggregateError).errors[1];
  } finally {
    asking.abort();
    working.abort();
  }
}
