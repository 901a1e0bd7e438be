/**
 * Many devices, two gateways, one broker: `CUTPOINT_FLEET` (5000 unless told) for `CUTPOINT_FLEET_MINUTES` (20). Memory of the
 * gateways while nothing happens to them, then a rolling restart and a kill of one under the same load.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { median } from '../bench/statistics.ts';
import { startFleet } from '../support/device-fleet.ts';
import { openFiles, residentBytes } from '../support/footprint.ts';
import { GATEWAYS, startTwoGateways } from '../support/two-gateways.ts';

const MINUTES = Number(process.env.CUTPOINT_FLEET_MINUTES ?? 20);
const DEVICES = Number(process.env.CUTPOINT_FLEET ?? 5000);
const SEED = Number(process.env.CUTPOINT_SEED ?? 11);
const REQUESTS_PER_SECOND = 100;
const SAMPLES = 40;
const SETTLE_MS = 20_000;
const MEBIBYTE = 1 << 20;

test(`${DEVICES} devices for ${MINUTES} minutes (seed ${SEED})`, {
  timeout: (MINUTES + 15) * 60_000,
}, async () => {
  const world = await startTwoGateways();
  const fleet = await startFleet({
    ...{ broker: world.broker, requests: world.requests, count: DEVICES, seed: SEED },
    ...{ requestsPerSecond: REQUESTS_PER_SECOND, deadlineMs: 30_000 },
  });
  const samples: { readonly bytes: readonly number[]; readonly files: number }[] = [];
  for (let at = 0; at < SAMPLES; at++) {
    await sleep((MINUTES * 60_000) / SAMPLES);
    const pids = GATEWAYS.map((name) => world.pidOf(name));
    samples.push({
      bytes: pids.map(residentBytes),
      files: pids.reduce((sum, pid) => sum + openFiles(pid), 0),
    });
  }
  const untouched = fleet.report.answers;
  for (const name of GATEWAYS) {
    expect(await world.restart(name)).toBe(0);
    await sleep(SETTLE_MS);
  }
  await world.killAndStart('gw-a');
  await sleep(SETTLE_MS);
  await fleet.stop();
  await world.close();
  // The first quarter fills caches of bounded size.
  const quarter = (which: number, of: (sample: (typeof samples)[number]) => number) =>
    median(samples.slice((which * SAMPLES) / 4, ((which + 1) * SAMPLES) / 4).map(of));
  const growth = GATEWAYS.map(
    (_, i) => quarter(3, ({ bytes }) => bytes[i] ?? 0) / quarter(1, ({ bytes }) => bytes[i] ?? 0),
  );
  const { untyped, ...counts } = fleet.report;
  const mebibytes = GATEWAYS.map((_, i) => Math.round(quarter(3, ({ bytes }) => bytes[i] ?? 0) / MEBIBYTE));
  const files = [quarter(1, (sample) => sample.files), quarter(3, (sample) => sample.files)];
  console.log(
    JSON.stringify({ devices: DEVICES, minutes: MINUTES, untouched, ...counts, mebibytes, growth, files }),
  );
  expect(untyped).toEqual([]);
  expect(counts).toMatchObject({ answers: counts.sent, wrong: 0, failures: {} });
  for (const ratio of growth) expect(ratio).toBeLessThan(1.1);
  expect(files[1]).toBeLessThanOrEqual((files[0] ?? 0) + 8);
});
