/** The gateways of a simulated fleet: what they announce and when, and which of them a device asks, by the ranking of real devices. */
import type { AnnouncedLoad } from '../adaptive/estimate.ts';
import type { EventQueue } from '../adaptive/event-queue.ts';
import type { ArrivedRequest, FoundGateway, ServedEnd, SimulatedCloud } from '../adaptive/simulated-cloud.ts';
import type { AnnouncementBody } from '../protocol/v1/announcement.ts';
import { ANNOUNCING, createAnnouncementPace } from '../transport/announcement-pace.ts';
import {
  burdenOf,
  type Contender,
  dislikeOf,
  firstGateway,
  nameHash,
  OTHER_REGION_MS,
} from '../transport/gateway-ranking.ts';
import type { Fleet, FleetRegion } from './fleet-file.ts';
import {
  createSimulatedGateway,
  type GatewayLedger,
  type SimulatedModel,
  type Window,
} from './simulated-gateway.ts';

/** What the pool must know of a device. */
export interface PoolDevice {
  readonly region: string;
  readonly model: SimulatedModel;
}

/** A gateway goes away without a word, and comes back; `Infinity`: not any more. */
export interface Failure {
  /** Its number among all. */
  readonly gateway: number;
  readonly atMs: number;
  readonly backAtMs: number;
}

export interface PoolOptions {
  readonly fleet: Fleet;
  /** By region, in the order of the fleet. */
  readonly gateways: readonly number[];
  readonly events: EventQueue;
  readonly window: Window;
  readonly endMs: number;
  readonly failures: readonly Failure[];
  deviceAt(index: number): PoolDevice;
  /** A request has reached a gateway, whatever becomes of it. */
  onArrival(request: ArrivedRequest): void;
  onEnd(request: ArrivedRequest, end: ServedEnd): void;
}

export interface PooledGateway {
  readonly name: string;
  readonly region: string;
  readonly ledger: GatewayLedger;
}

export interface GatewayPool extends SimulatedCloud {
  readonly gateways: readonly PooledGateway[];
  /** Published so far in the window. */
  readonly announcements: number;
}

/** The name of a device need only be its own. */
function hashOf(device: number): number {
  return Math.imul(device + 1, 0x9e3779b1) >>> 0;
}

/** What is said of its models does not change. */
function bodyOf(load: AnnouncedLoad | undefined): AnnouncementBody | undefined {
  if (load === undefined) return undefined;
  const { queueMs, congestionPrice: price } = load;
  return { state: 'ready', models: [], maxPayloadBytes: 1, queueMs, price };
}

/** A contender whose state changes, and who it is. */
type Seen = { -readonly [Key in keyof Contender]: Contender[Key] } & {
  readonly gateway: number;
  /** There and back to its region. */
  readonly extraMs: number;
};

/** As `transport/gateway-directory.ts`. */
const AVOIDED_MS = 10_000;

export function createGatewayPool(o: PoolOptions): GatewayPool {
  const { fleet, events, window } = o;
  const { shortestMs } = ANNOUNCING;
  const places = fleet.regions.flatMap(({ name: region }, r) =>
    Array.from({ length: o.gateways[r] ?? 0 }, (_, i) => ({ region, name: `${region}-${i}` })),
  );
  const gateways = places.map((place) => ({
    ...place,
    hash: nameHash(place.name),
    own: createSimulatedGateway({ events, settings: fleet.gateway, window }),
    pace: createAnnouncementPace(ANNOUNCING),
  }));
  let announcements = 0;
  const announced: (AnnouncedLoad | undefined)[] = gateways.map((_, i) => {
    // They did not all start in the same moment.
    repeat(i, (shortestMs * i) / gateways.length);
    return { queueMs: 0, congestionPrice: 0 };
  });
  const views = new Map(fleet.regions.map((region) => [region.name, viewOf(region)]));
  /** By device, and then by gateway. */
  const failedMs = new Map<number, Map<number, number>>();
  for (const { gateway, atMs, backAtMs } of o.failures) {
    events.put(atMs, () => {
      // The will says so at once.
      gateways[gateway]?.own.goAway(atMs);
      announce(gateway, undefined, atMs);
    });
    if (!Number.isFinite(backAtMs)) continue;
    events.put(backAtMs, () => {
      gateways[gateway]?.own.comeBack();
      announce(gateway, gateways[gateway]?.own.load(backAtMs), backAtMs);
    });
  }

  /** The gateways that devices of a region may use, as they see them; what differs by the device is put in when it asks. */
  function viewOf({ name, mayUse }: FleetRegion): readonly Seen[] {
    return gateways.flatMap(({ region }, gateway) => {
      if (region !== name && !mayUse.includes(region)) return [];
      const extraMs = region === name ? 0 : fleet.betweenRegionsMs;
      // The device's own link is the same to all.
      const distanceMs = extraMs + (extraMs === 0 ? 0 : OTHER_REGION_MS);
      const still = { gateway, extraMs, distanceMs };
      return [
        {
          ...still,
          isReady: true,
          hasFailed: false,
          waitMs: distanceMs,
          burden: burdenOf(distanceMs),
          dislike: 1,
        },
      ];
    });
  }

  function announce(i: number, load: AnnouncedLoad | undefined, atMs: number): void {
    gateways[i]?.pace.said(bodyOf(load), atMs);
    if (atMs >= window.fromMs && atMs < window.toMs) announcements += 1;
    announced[i] = load;
    for (const seen of [...views.values()].flat().filter(({ gateway }) => gateway === i)) {
      seen.isReady = load !== undefined;
      seen.waitMs = seen.distanceMs + (load?.queueMs ?? 0) + (load?.congestionPrice ?? 0);
      seen.burden = burdenOf(seen.waitMs);
    }
  }

  function repeat(i: number, atMs: number): void {
    if (atMs > o.endMs) return;
    events.put(atMs, () => {
      const load = gateways[i]?.own.load(atMs);
      if (gateways[i]?.pace.isDue(bodyOf(load), atMs)) announce(i, load, atMs);
      repeat(i, atMs + shortestMs);
    });
  }

  function find(device: number, nowMs: number): FoundGateway | undefined {
    const deviceHash = hashOf(device);
    const view = views.get(o.deviceAt(device).region) ?? [];
    const failed = failedMs.get(device);
    let best = Number.POSITIVE_INFINITY;
    for (const seen of view) {
      seen.hasFailed = nowMs - (failed?.get(seen.gateway) ?? Number.NEGATIVE_INFINITY) < AVOIDED_MS;
      // Only of those that are near: what is far has to be better by itself.
      const isCounted = seen.isReady && !seen.hasFailed && seen.distanceMs === 0;
      seen.dislike = dislikeOf(deviceHash, gateways[seen.gateway]?.hash ?? 0, best / seen.burden);
      if (isCounted) best = Math.min(best, seen.burden * seen.dislike);
    }
    const first = view[firstGateway(view, deviceHash)];
    if (first === undefined || !first.isReady) return undefined;
    return {
      gateway: first.gateway,
      extraRoundTripMs: first.extraMs,
      load: announced[first.gateway],
    };
  }

  return {
    gateways: gateways.map(({ name, region, own }) => ({ name, region, ledger: own.ledger })),
    get announcements() {
      return announcements;
    },
    freeAtMs: () => 0,
    find,
    serve(request, tell) {
      o.onArrival(request);
      const { model } = o.deviceAt(request.device);
      gateways[request.gateway]?.own.arrive({ ...request, model }, (end) => {
        o.onEnd(request, end);
        tell(end);
      });
    },
    noteFailure(device, gateway, nowMs) {
      const own = failedMs.get(device) ?? new Map<number, number>();
      failedMs.set(device, own.set(gateway, nowMs));
    },
  };
}
