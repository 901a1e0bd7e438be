/** What a run sends and costs. */
import type { ArmCost } from '../planner/cost-model.ts';
import { type BrokerTraffic, messagesOf, wireBytes } from './broker-load.ts';
import type { ModeCost } from './capacity-report.ts';
import type { Fleet } from './fleet-file.ts';
import type { FleetMode, FleetRun } from './fleet-simulation.ts';

/** A run and what it was played with. */
export interface Played {
  readonly mode: FleetMode;
  readonly gateways: readonly number[];
  readonly run: FleetRun;
}

export function trafficOf(run: FleetRun, { classes }: Fleet, gateways: readonly number[]): BrokerTraffic {
  let [messages, bytes] = [0, 0];
  for (const tally of run.classes) {
    const costOfArm = (id: string) => tally.of.arms.find(({ arm }) => arm.id === id)?.cost;
    const add = (counts: ReadonlyMap<string, number>, of: (cost: ArmCost) => number) => {
      for (const [id, count] of counts) {
        const cost = costOfArm(id);
        if (cost === undefined) continue;
        messages += count * messagesOf(of(cost));
        bytes += count * wireBytes(of(cost));
      }
    };
    add(tally.sentByArm, ({ sentBytes }) => sentBytes);
    add(tally.answeredByArm, ({ receivedBytes }) => receivedBytes);
  }
  return {
    devices: classes.reduce((sum, { devices }) => sum + devices, 0),
    gateways: gateways.reduce((sum, count) => sum + count, 0),
    announcementsPerSecond: run.announcements / run.seconds,
    requestMessagesPerSecond: messages / run.seconds,
    bytesPerSecond: bytes / run.seconds,
  };
}

export function costOf(fleet: Fleet, { mode, gateways, run }: Played): ModeCost {
  const { perGatewayHour, perGigabyte, perDeviceHour } = fleet.prices;
  const count = gateways.reduce((sum, n) => sum + n, 0);
  const requests = Math.max(
    1,
    run.classes.reduce((sum, { latency }) => sum + latency.count, 0),
  );
  const { bytesPerSecond } = trafficOf(run, fleet, gateways);
  const deviceMs = run.classes.reduce((sum, tally) => sum + tally.deviceMs, 0);
  const each = 1000 / requests;
  const gatewaysCost = each * ((count * perGatewayHour) / 3600) * run.seconds;
  const trafficCost = each * ((bytesPerSecond * run.seconds) / 1e9) * perGigabyte;
  const devicesCost = each * (deviceMs / 3_600_000) * perDeviceHour;
  const p95Ms = Math.max(...run.classes.map(({ latency }) => latency.quantile(0.95)));
  return {
    ...{ mode, gateways: count, p95Ms, meetsSlo: p95Ms <= fleet.slo.p95Ms },
    ...{ gatewaysCost, trafficCost, devicesCost, totalCost: gatewaysCost + trafficCost + devicesCost },
  };
}
