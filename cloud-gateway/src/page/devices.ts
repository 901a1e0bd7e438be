/** The devices that were heard of lately: who, when, at which cut, over what link. Bounded: the longest silent are dropped. */
import type { RequestAdmitted, RequestFacts } from '../events.ts';

export interface DeviceSeen {
  readonly device: string;
  readonly model: string;
  /** Of its last request. */
  readonly cut: string;
  readonly lastSeenMs: number;
  /** As its last large request arrived, in bits a second; `undefined` before one came. */
  readonly uplinkBitsPerSecond: number | undefined;
  /** Since it was first heard of. */
  readonly requests: number;
  readonly refusals: number;
}

export interface Devices {
  admitted(event: RequestAdmitted, atMs: number): void;
  refused(request: RequestFacts, atMs: number): void;
  /** The latest heard first. */
  list(most: number): readonly DeviceSeen[];
  countSince(atMs: number): number;
}

/** @param capacity devices that are remembered */
export function createDevices(capacity: number): Devices {
  // In the order in which they were heard last: a Map keeps that of insertion.
  const seen = new Map<string, DeviceSeen>();
  const put = (device: DeviceSeen) => {
    seen.delete(device.device);
    seen.set(device.device, device);
    const [oldest] = seen.keys();
    if (seen.size > capacity && oldest !== undefined) seen.delete(oldest);
  };
  const heard = ({ device, model, cut }: RequestFacts, lastSeenMs: number): DeviceSeen => {
    const before = seen.get(device);
    const { requests = 0, refusals = 0, uplinkBitsPerSecond } = before ?? {};
    return { device, model, cut, lastSeenMs, uplinkBitsPerSecond, requests, refusals };
  };
  return {
    admitted({ request, uplinkBitsPerSecond }, atMs) {
      const before = heard(request, atMs);
      put({
        ...before,
        requests: before.requests + 1,
        uplinkBitsPerSecond: uplinkBitsPerSecond ?? before.uplinkBitsPerSecond,
      });
    },
    refused(request, atMs) {
      const before = heard(request, atMs);
      put({ ...before, refusals: before.refusals + 1 });
    },
    list: (most) => [...seen.values()].slice(-most).reverse(),
    countSince: (atMs) => [...seen.values()].filter(({ lastSeenMs }) => lastSeenMs >= atMs).length,
  };
}
