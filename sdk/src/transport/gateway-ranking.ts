/** Which gateway to ask first. Pure: what they announced, what is known of the way to them, and who failed of late. */
import type { Announcement } from '../protocol/v1/announcement.ts';

export interface KnownGateway {
  readonly announcement: Announcement;
  /** `undefined` where it was not measured yet. */
  readonly roundTripMs: number | undefined;
  /** It left a request of ours without an answer a short while ago. */
  readonly hasFailed: boolean;
}

/** A gateway of another region, or one that says it is congested, must be this much quicker, in milliseconds. */
const OTHER_REGION_MS = 50;
const ASSUMED_ROUND_TRIP_MS = 20;

/** Best first: ready ones before draining ones, who failed last, then by the time until it could start. */
export function rankGateways(known: readonly KnownGateway[], region?: string): Announcement[] {
  return known.toSorted((a, b) => compare(a, b, region)).map(({ announcement }) => announcement);
}

function compare(a: KnownGateway, b: KnownGateway, region: string | undefined): number {
  const readiness = Number(!isReady(a)) - Number(!isReady(b));
  const failure = Number(a.hasFailed) - Number(b.hasFailed);
  return readiness || failure || waitMs(a, region) - waitMs(b, region) || byName(a, b);
}

function isReady({ announcement }: KnownGateway): boolean {
  return announcement.state === 'ready';
}

function waitMs({ announcement, roundTripMs }: KnownGateway, region: string | undefined): number {
  const { queueMs = 0, price = 0 } = announcement;
  const isFar = region !== undefined && announcement.region !== region;
  return (roundTripMs ?? ASSUMED_ROUND_TRIP_MS) + queueMs + price + (isFar ? OTHER_REGION_MS : 0);
}

/** Devices that see the same shall not all change their mind at every announcement. */
function byName(a: KnownGateway, b: KnownGateway): number {
  return a.announcement.gateway < b.announcement.gateway ? -1 : 1;
}
