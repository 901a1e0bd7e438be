/** Tenants: who a request belongs to, and what each may have at a time and a second. */
import { type Clock, SplitError } from '@cutpoint/sdk';

export interface TenantOptions {
  readonly name: string;
  /** Names of devices, with `*` for any letters: `plant-a-*`. */
  readonly devices: string;
  /** Of the runtime in relation to other tenants', when there is not enough for all. @default 1 */
  readonly share?: number | undefined;
  /** Requests in the gateway at a time. @default unlimited */
  readonly maxInHand?: number | undefined;
  /** @default unlimited */
  readonly requestsPerSecond?: number | undefined;
}

export interface Tenants {
  /** The first whose pattern fits; `default` for all others. */
  tenantOf(device: string): string;
  shareOf(tenant: string): number;
  /** Takes a place. @throws SplitError `overloaded`, with a hint when to try again */
  enter(tenant: string): () => void;
}

export const DEFAULT_TENANT = 'default';
/** A tenant that was silent may send so many seconds' worth at once. */
const BURST_SECONDS = 1;
/** When a place may be free again; nobody knows it better. */
const PLACE_RETRY_MS = 100;

interface Usage {
  inHand: number;
  tokens: number;
  filledMs: number;
}

export function createTenants(options: readonly TenantOptions[], clock: Clock): Tenants {
  const byName = new Map(options.map((tenant) => [tenant.name, tenant]));
  const patterns = options.map(({ name, devices }) => ({ name, matches: patternOf(devices) }));
  const usage = new Map<string, Usage>();

  function usageOf(name: string): Usage {
    const known = usage.get(name) ?? { inHand: 0, tokens: Number.POSITIVE_INFINITY, filledMs: clock.nowMs() };
    usage.set(name, known);
    return known;
  }

  function takeToken(name: string, own: Usage, perSecond: number): void {
    const nowMs = clock.nowMs();
    const most = Math.max(1, perSecond * BURST_SECONDS);
    own.tokens = Math.min(most, own.tokens + ((nowMs - own.filledMs) * perSecond) / 1000);
    own.filledMs = nowMs;
    if (own.tokens < 1) {
      const retryMs = ((1 - own.tokens) * 1000) / perSecond;
      throw overQuota(`tenant '${name}' sends more than ${perSecond} requests a second`, retryMs);
    }
    own.tokens -= 1;
  }

  return {
    tenantOf: (device) => patterns.find(({ matches }) => matches.test(device))?.name ?? DEFAULT_TENANT,
    shareOf: (tenant) => byName.get(tenant)?.share ?? 1,
    enter(name) {
      const { maxInHand = Number.POSITIVE_INFINITY, requestsPerSecond } = byName.get(name) ?? {};
      const own = usageOf(name);
      if (own.inHand >= maxInHand) {
        const text = `tenant '${name}' has ${own.inHand} requests in the gateway; its limit is ${maxInHand}`;
        throw overQuota(text, PLACE_RETRY_MS);
      }
      if (requestsPerSecond !== undefined) takeToken(name, own, requestsPerSecond);
      own.inHand += 1;
      let isIn = true;
      return () => {
        if (isIn) own.inHand -= 1;
        isIn = false;
      };
    },
  };
}

/** Over the tenant's own limit, however much room there is. */
function overQuota(message: string, retryAfterMs: number): SplitError {
  return new SplitError('overloaded', message, { retryAfterMs });
}

function patternOf(devices: string): RegExp {
  const parts = devices.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`);
}
