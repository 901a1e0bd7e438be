/** The regions and classes of a report, from a run. */
import { rateText } from '../planner/win-window.ts';
import type { Played } from './capacity-costs.ts';
import type { BandCapacity, ClassCapacity, RegionCapacity } from './capacity-report.ts';
import type { BandTally, ClassTally } from './class-tally.ts';
import type { Fleet } from './fleet-file.ts';
import type { GatewayMemory } from './gateway-memory.ts';
import { idleClass } from './offered-load.ts';
import { utilisation } from './size-fleet.ts';
import { spreadOf } from './tally.ts';

/** @param memories of the regions, in the order of the fleet */
export function regionsOf(
  fleet: Fleet,
  { gateways, run }: Played,
  memories: readonly (GatewayMemory | undefined)[],
): readonly RegionCapacity[] {
  const { executors } = fleet.gateway;
  return fleet.regions.map(({ name }, r) => {
    const own = run.gateways.filter(({ region }) => region === name).map(({ ledger }) => ledger);
    const shares = own.map(({ busyInWindowMs }) => busyInWindowMs / (executors * run.seconds * 1000));
    const sum = (of: (ledger: (typeof own)[number]) => number) => own.reduce((all, one) => all + of(one), 0);
    return {
      ...{ name, gateways: gateways[r] ?? 0, executors: (gateways[r] ?? 0) * executors },
      utilisation: utilisation(run, name, fleet),
      leastUtilisation: own.length === 0 ? 0 : Math.min(...shares),
      mostUtilisation: Math.max(0, ...shares),
      requestsPerSecond: sum(({ arrivedInWindow }) => arrivedInWindow) / run.seconds,
      meanBatch:
        sum(({ batchedRequests }) => batchedRequests) /
        Math.max(
          1,
          sum(({ batches }) => batches),
        ),
      memory: (own.length > 0 && memories[r]) || null,
    };
  });
}

export function classOf(fleet: Fleet, tally: ClassTally, seconds: number): ClassCapacity {
  const { of, latency, byArm } = tally;
  const { about, region, plan } = of;
  const { count } = latency;
  const nameOf = (id: string) => plan.arms.find((arm) => arm.id === id)?.name ?? id;
  const sent = [...tally.sentByArm.values()].reduce((sum, n) => sum + n, 0);
  return {
    ...{
      name: about.name,
      region,
      devices: about.devices,
      requests: count,
      requestsPerSecond: count / seconds,
    },
    ...{ latency: spreadOf(latency), queue: spreadOf(tally.queue), idle: idleClass(of) },
    meetsSlo: latency.quantile(0.95) <= fleet.slo.p95Ms,
    lateShare: tally.late / Math.max(1, count),
    refusedShare: tally.refused / Math.max(1, sent),
    probeShare: tally.probes / Math.max(1, count),
    arms: [...byArm]
      .toSorted((a, b) => b[1] - a[1])
      .map(([id, n]) => ({ id, name: nameOf(id), share: n / count })),
    bands: tally.bands.map((band, i) =>
      bandOf(band, { planned: nameOf(plan.windows[i]?.armId ?? ''), nameOf, count }),
    ),
  };
}

function bandOf(
  band: BandTally,
  {
    planned,
    nameOf,
    count,
  }: { readonly planned: string; readonly nameOf: (id: string) => string; readonly count: number },
): BandCapacity {
  const [top] = [...band.byArm].toSorted((a, b) => b[1] - a[1]);
  const { fromBitsPerSecond: from, toBitsPerSecond: to } = band;
  const words = [
    from > 0 ? `from ${rateText(from)}` : '',
    Number.isFinite(to) ? `to ${rateText(to)}` : '',
  ].filter(Boolean);
  return {
    ...{ words: words.join(' ') || 'any rate', planned, used: top ? nameOf(top[0]) : '' },
    usedShare: top ? top[1] / Math.max(1, band.latency.count) : 0,
    share: band.latency.count / Math.max(1, count),
    p95Ms: band.latency.quantile(0.95),
  };
}
