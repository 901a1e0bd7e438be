/**
 * Which gateway to ask first. Pure: what they announced, what is known of the way to them, and who failed of late. The
 * simulator of fleets chooses by the very same.
 */
import type { Announcement } from '../protocol/v1/announcement.ts';

export interface KnownGateway {
  readonly announcement: Announcement;
  /** `undefined` where it was not measured yet. */
  readonly roundTripMs: number | undefined;
  /** It left a request of ours without an answer a short while ago. */
  readonly hasFailed: boolean;
}

export interface RankOptions {
  /** Where the device is: gateways that announce the same are preferred. @default no preference */
  readonly region?: string | undefined;
  /** Who asks: of gateways that are equally far, different devices prefer different ones. @default none */
  readonly device?: string | undefined;
}

/** A gateway as one device sees it. */
export interface Contender {
  readonly isReady: boolean;
  readonly hasFailed: boolean;
  /** Round trip, and what another region is worth. */
  readonly distanceMs: number;
  /** Distance, queue and price: the time until it could start. */
  readonly waitMs: number;
  /** See `luckOf`; 0 where all devices are to choose alike. */
  readonly luck: number;
}

/** A gateway of another region must be this much quicker, in milliseconds. */
export const OTHER_REGION_MS = 50;
const ASSUMED_ROUND_TRIP_MS = 20;
/** Those that are no farther than this beyond the nearest share the load, in milliseconds. */
const NEAR_MS = 15;
/**
 * What is announced is seconds old, and all devices hear the same: were the least loaded one first for all, it would be the most
 * loaded one a moment later. So of those that are near, each is chosen by a share of the devices that falls by a factor e for
 * every so many milliseconds that it is busier. And a device leaves those that are near once a farther one is better by
 * up to so much, each at another difference.
 */
const SPREAD_MS = 100;

/** Best first: ready ones before draining ones, who failed last, then by the time until it could start, luck included. */
export function rankGateways(
  known: readonly KnownGateway[],
  { region, device }: RankOptions = {},
): Announcement[] {
  const deviceHash = device === undefined ? undefined : nameHash(device);
  const seen = known.map((gateway) => ({
    ...contenderOf(gateway, region),
    luck: deviceHash === undefined ? 0 : luckOf(deviceHash, nameHash(gateway.announcement.gateway)),
    announcement: gateway.announcement,
  }));
  const view = viewOf(seen, deviceHash);
  return seen
    .toSorted((a, b) => compare(a, b, view) || byName(a.announcement, b.announcement))
    .map(({ announcement }) => announcement);
}

/** The place of the one that `rankGateways` puts first; -1 where there is none. Of equal ones the first. O(n). */
export function firstGateway(contenders: readonly Contender[], deviceHash: number | undefined): number {
  const view = viewOf(contenders, deviceHash);
  let best = contenders.length > 0 ? 0 : -1;
  for (let i = 1; i < contenders.length; i++)
    if (compare(contenders[i] as Contender, contenders[best] as Contender, view) < 0) best = i;
  return best;
}

/** 32 bits of a name: FNV-1a. */
export function nameHash(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/**
 * How much this device likes this gateway, for ever: of the Gumbel distribution, so that the largest of `luck - wait / s` is each
 * one's with a probability proportional to `exp(-wait / s)`.
 */
export function luckOf(deviceHash: number, gatewayHash: number): number {
  return -Math.log(-Math.log(uniformOf(deviceHash ^ Math.imul(gatewayHash, 0x9e3779b1))));
}

/** What a device sees of them all. */
interface View {
  /** The farthest distance that is near. */
  readonly nearMs: number;
  /** The least wait of those that are near. */
  readonly nearWaitMs: number;
  /** A farther one must be better by so much. */
  readonly marginMs: number;
}

function viewOf(contenders: readonly Contender[], deviceHash: number | undefined): View {
  let leastMs = Number.POSITIVE_INFINITY;
  for (const one of contenders)
    if (one.isReady && !one.hasFailed && one.distanceMs < leastMs) leastMs = one.distanceMs;
  const nearMs = leastMs + NEAR_MS;
  let nearWaitMs = Number.POSITIVE_INFINITY;
  for (const one of contenders)
    if (one.isReady && !one.hasFailed && one.distanceMs <= nearMs && one.waitMs < nearWaitMs)
      nearWaitMs = one.waitMs;
  const marginMs = deviceHash === undefined ? 0 : SPREAD_MS * uniformOf(deviceHash);
  return { nearMs, nearWaitMs, marginMs };
}

function compare(a: Contender, b: Contender, view: View): number {
  const readiness = Number(!a.isReady) - Number(!b.isReady);
  const failure = Number(a.hasFailed) - Number(b.hasFailed);
  return readiness || failure || groupMs(a, view) - groupMs(b, view) || ownMs(a) - ownMs(b);
}

/** Those that are near count as one. */
function groupMs({ distanceMs, waitMs }: Contender, { nearMs, nearWaitMs, marginMs }: View): number {
  return distanceMs <= nearMs ? nearWaitMs : waitMs + marginMs;
}

const ownMs = ({ waitMs, luck }: Contender) => waitMs - SPREAD_MS * luck;

function contenderOf(
  { announcement, roundTripMs, hasFailed }: KnownGateway,
  region: string | undefined,
): Omit<Contender, 'luck'> {
  const { queueMs = 0, price = 0, state } = announcement;
  const isFar = region !== undefined && announcement.region !== region;
  const distanceMs = (roundTripMs ?? ASSUMED_ROUND_TRIP_MS) + (isFar ? OTHER_REGION_MS : 0);
  return { isReady: state === 'ready', hasFailed, distanceMs, waitMs: distanceMs + queueMs + price };
}

function byName(a: Announcement, b: Announcement): number {
  return a.gateway < b.gateway ? -1 : 1;
}

/** Above 0 and below 1; the finaliser of MurmurHash3. */
function uniformOf(bits: number): number {
  let hash = bits >>> 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (((hash ^ (hash >>> 16)) >>> 0) + 0.5) / 2 ** 32;
}
