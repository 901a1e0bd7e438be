/**
 * Many devices, two gateways, one broker: `CUTPOINT_FLEET` (5000 unless told) for `CUTPOINT_FLEET_MINUTES` (20), after three
 * minutes in which what is bounded fills up: answers are kept for two. Memory of the gateways while nothing happens to them,
 * then a rolling restart and a kill of one under the same load.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { median, riseOf } from '../bench/statistics.ts';
import { startFleet } from '../support/device-fleet.ts';
import { openFiles, residentBytes } from '../support/footprint.ts';
import { watchHeld } from '../support/held-by.ts';
import { GATEWAYS, startTwoGateways } from '../support/two-gateways.ts';

const MINUTES = Number(process.env.CUTPOINT_FLEET_MINUTES ?? 20);
const DEVICES = Number(process.env.CUTPOINT_FLEET ?? 5000);
const SEED = Number(process.env.CUTPOINT_SEED ?? 11);
const WARM_UP_MINUTES = 3;
const REQUESTS_PER_SECOND = 100;
const SAMPLES = 40;
const SETTLE_MS = 20_000;
const MEBIBYTE = 1 << 20;
/** Of what is there, over the whole time. */
const MOST_RISE = 0.1;

interface Sample {
  /** After a collection, in MiB. */
  readonly held: number;
  readonly resident: number;
  readonly files: number;
}

test(`${DEVICES} devices for ${MINUTES} minutes (seed ${SEED})`, {
  timeout: (WARM_UP_MINUTES + MINUTES + 15) * 60_000,
}, async ({ onTestFinished }) => {
  const watch = watchHeld();
  onTestFinished(watch.close);
  const world = await startTwoGateways(watch.spawn);
  onTestFinished(world.close);
  const fleet = await startFleet({
    ...{ broker: world.broker, requests: world.requests, count: DEVICES, seed: SEED },
    ...{ requestsPerSecond: REQUESTS_PER_SECOND, deadlineMs: 30_000 },
  });
  onTestFinished(() => fleet.stop());
  const sample = async (pid: number): Promise<Sample> => ({
    held: (await watch.heldBy(pid)) / MEBIBYTE,
    resident: residentBytes(pid) / MEBIBYTE,
    files: openFiles(pid),
  });
  await sleep(WARM_UP_MINUTES * 60_000);
  const samples: Sample[][] = GATEWAYS.map(() => []);
  for (let at = 0; at < SAMPLES; at++) {
    await sleep((MINUTES * 60_000) / SAMPLES);
    for (const [i, name] of GATEWAYS.entries()) samples[i]?.push(await sample(world.pidOf(name)));
  }
  const untouched = fleet.report.answers;
  for (const name of GATEWAYS) {
    expect(await world.restart(name)).toBe(0);
    await sleep(SETTLE_MS);
  }
  await world.killAndStart('gw-a');
  await sleep(SETTLE_MS);
  await fleet.stop();
  const memory = samples.map((all) => ({
    heldMiB: median(all.map(({ held }) => held)),
    heldRise: riseOf(all.map(({ held }) => held)),
    residentMiB: median(all.map(({ resident }) => resident)),
    residentRise: riseOf(all.map(({ resident }) => resident)),
    files: median(all.map(({ files }) => files)),
    filesRise: riseOf(all.map(({ files }) => files)),
  }));
  const { untyped, ...counts } = fleet.report;
  console.log(JSON.stringify({ devices: DEVICES, minutes: MINUTES, untouched, ...counts, memory }));
  expect(untyped).toEqual([]);
  expect(counts).toMatchObject({ answers: counts.sent, wrong: 0, failures: {} });
  for (const one of memory) {
    expect(one.heldRise).toBeLessThan(MOST_RISE * one.heldMiB);
    expect(one.residentRise).toBeLessThan(MOST_RISE * one.residentMiB);
    expect(one.filesRise).toBeLessThanOrEqual(4);
  }
});
