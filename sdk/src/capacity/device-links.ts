/** The links of a class of devices: each device has its own rate, or its own place in a recorded trace. */
import type { World } from '../adaptive/simulated-world.ts';
import { shifted } from '../adaptive/simulated-world.ts';
import type { TraceSample } from '../adaptive/trace-file.ts';
import { createTraceLink, type TraceLink } from '../adaptive/trace-link.ts';
import type { FleetLink, RateDistribution } from './fleet-file.ts';

/** The rate in bits per second that a share `u` of the devices does not reach. */
export function rateAt({ p5, p50, p95 }: RateDistribution, u: number): number {
  // The logarithm is linear on both sides of the median, beyond the marks as well.
  const [from, to] = u < 0.5 ? [p5, p50] : [p50, p95];
  const share = u < 0.5 ? (u - 0.05) / 0.45 : (u - 0.5) / 0.45;
  return 1e6 * from * (to / from) ** share;
}

/** A link whose rate stands still. */
export function steadyLink(bitsPerSecond: number): TraceLink {
  return {
    durationMs: Number.POSITIVE_INFINITY,
    bitsPerSecondAt: () => bitsPerSecond,
    finishMs: (startMs, bytes) => startMs + (Math.max(0, bytes) * 8000) / bitsPerSecond,
  };
}

/**
 * The world as the device with number `index` of `count` sees it. Rates are spread evenly over the distribution: the sample is
 * the distribution itself and no luck.
 * @param trace the samples of `link.trace`
 */
export function linkMaker(
  { uplinkMbps, scale, downlinkMbps, roundTripMs }: FleetLink,
  trace: readonly TraceSample[] | undefined,
): (index: number, count: number) => World {
  const rest = { roundTripMs, downlinkBitsPerSecond: downlinkMbps * 1e6 };
  if (trace) {
    const uplink = createTraceLink(trace, scale);
    return (index, count) => shifted({ uplink, ...rest }, (index * uplink.durationMs) / count);
  }
  const { p5, p50, p95 } =
    typeof uplinkMbps === 'object'
      ? uplinkMbps
      : { p5: uplinkMbps ?? 1, p50: uplinkMbps ?? 1, p95: uplinkMbps ?? 1 };
  return (index, count) => {
    // Neighbours by number shall not be neighbours by rate: gateways are chosen by number.
    const place = ((index * GOLDEN) % 1) * (count - 1);
    const u = count === 1 ? 0.5 : (Math.round(place) + 0.5) / count;
    return { uplink: steadyLink(scale * rateAt({ p5, p50, p95 }, u)), ...rest };
  };
}

const GOLDEN = 0.618_033_988_749_895;
