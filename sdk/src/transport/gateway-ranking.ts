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
  /** `burdenOf(waitMs)`. */
  readonly burden: number;
  /** How little this device likes it, for ever: see `dislikeOf`. 1 where all devices are to choose alike. */
  readonly dislike: number;
}

/** A gateway of another region must be this much quicker, in milliseconds. */
export const OTHER_REGION_MS = 50;
const ASSUMED_ROUND_TRIP_MS = 20;
/** Those that are no farther than this beyond the nearest share the load, in milliseconds. */
const NEAR_MS = 15;
/**
 * What is announced is seconds old, and all devices hear the same: were the least loaded one first for all, it would be the most
 * loaded one a moment later. So of those that are near, each is chosen by a share of the devices that falls by a factor e for
 * every so many milliseconds that it is busier.
 */
const SPREAD_MS = 1000;
/** A device leaves those that are near once a farther one is better by up to so much, each at another difference. */
const FAR_MARGIN_MS = 100;
/** Beyond it waits are alike; the exponential stays finite. */
const LONGEST_WAIT_MS = 300_000;

/** Best first: ready ones before draining ones, who failed last, then by the time until it could start, likes included. */
export function rankGateways(
  known: readonly KnownGateway[],
  { region, device }: RankOptions = {},
): Announcement[] {
  const deviceHash = device === undefined ? undefined : nameHash(device);
  const seen = known.map((gateway) => ({
    ...contenderOf(gateway, region),
    dislike: deviceHash === undefined ? 1 : dislikeOf(deviceHash, nameHash(gateway.announcement.gateway)),
    announcement: gateway.announcement,
  }));
  const view = viewOf(seen, deviceHash);
  return seen
    .toSorted((a, b) => compare(a, b, view) || byName(a.announcement, b.announcement))
    .map(({ announcement }) => announcement);
}

/** The place of the one that `rankGateways` puts first, -1 where there is none; of equal ones the first. O(n). */
export function firstGateway(contenders: readonly Contender[], deviceHash: number | undefined): number {
  const view = viewOf(contenders, deviceHash);
  let best = -1;
  for (let i = 0; i < contenders.length; i++) {
    const [one, rival] = [contenders[i] as Contender, contenders[best]];
    if (rival === undefined || compare(one, rival, view) < 0) best = i;
  }
  return best;
}

/** 32 bits of a name: FNV-1a. */
export function nameHash(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/**
 * Of the exponential distribution, from the two names alone. The least of `dislike * exp(wait / s)` is each one's with a
 * probability proportional to `exp(-wait / s)`, and while the waits stay as they are it stays the same one.
 * @param most nobody asks by how much it is more: then it is infinite. @default no such
 */
export function dislikeOf(
  deviceHash: number,
  gatewayHash: number,
  most: number = Number.POSITIVE_INFINITY,
): number {
  const uniform = uniformOf(deviceHash ^ Math.imul(gatewayHash, 0x9e3779b1));
  // -ln(u) is never less than 1 - u, which needs no logarithm.
  return 1 - uniform > most ? Number.POSITIVE_INFINITY : -Math.log(uniform);
}

/** What `dislike` is multiplied by. */
export function burdenOf(waitMs: number): number {
  return Math.exp(Math.min(waitMs, LONGEST_WAIT_MS) / SPREAD_MS);
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
  const marginMs = deviceHash === undefined ? 0 : FAR_MARGIN_MS * uniformOf(deviceHash);
  return { nearMs, nearWaitMs, marginMs };
}

function compare(a: Contender, b: Contender, view: View): number {
  const readiness = Number(!a.isReady) - Number(!b.isReady);
  const failure = Number(a.hasFailed) - Number(b.hasFailed);
  return readiness || failure || groupMs(a, view) - groupMs(b, view) || ownBurden(a) - ownBurden(b);
}

/** Those that are near count as one. */
function groupMs({ distanceMs, waitMs }: Contender, { nearMs, nearWaitMs, marginMs }: View): number {
  return distanceMs <= nearMs ? nearWaitMs : waitMs + marginMs;
}

const ownBurden = ({ burden, dislike }: Contender) => burden * dislike;

function contenderOf(
  { announcement, roundTripMs, hasFailed }: KnownGateway,
  region: string | undefined,
): Omit<Contender, 'dislike'> {
  const { queueMs = 0, price = 0, state } = announcement;
  const isFar = region !== undefined && announcement.region !== region;
  const distanceMs = (roundTripMs ?? ASSUMED_ROUND_TRIP_MS) + (isFar ? OTHER_REGION_MS : 0);
  const waitMs = distanceMs + queueMs + price;
  return { isReady: state === 'ready', hasFailed, distanceMs, waitMs, burden: burdenOf(waitMs) };
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
