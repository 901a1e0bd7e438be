/**
 * Broker, gateway and link fail under load, by a seeded schedule. Every request ends once, in time: as the right answer or
 * as an error with a code that says what happened.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { seededRandom } from '../../sdk/src/testing/random.ts';
import { handleCount, heldBytes } from '../support/footprint.ts';
import { mosquittoMissing } from '../support/mosquitto.ts';
import { REQUESTS, SEED } from './fault-count.ts';
import { type OutageWorld, openOutageWorld } from './outage-world.ts';
import { requestLoad } from './request-load.ts';

const DEADLINE_MS = 600;
const GRACE_MS = 200;
/** As much as one load of requests takes for a while; a leak of every request would be many times that. */
const MEMORY_SLACK_BYTES = 8 << 20;
const WARM_RUNS = 20;
/** The nightly run's first outage outlasts every deadline, keepalive and announcement. */
const LONG_OUTAGE_MS = 30_000;
const OUTAGE_CODES = ['broker-unreachable', 'deadline-exceeded', 'gateway-unavailable'];

/** One outage: it begins, lasts, and everything runs again. */
const OUTAGES: Readonly<Record<string, (world: OutageWorld, lengthMs: number) => Promise<void>>> = {
  'the broker is killed and restarted': async ({ broker }, lengthMs) => {
    await broker.kill();
    await sleep(lengthMs);
    await broker.restart();
  },
  'the gateway is killed and restarted': async (world, lengthMs) => {
    await world.gateway().kill('SIGKILL');
    await sleep(lengthMs);
    await world.startGateway();
  },
  'the gateway is frozen': async (world, lengthMs) => {
    process.kill(world.gateway().pid, 'SIGSTOP');
    await sleep(lengthMs);
    process.kill(world.gateway().pid, 'SIGCONT');
  },
  'the link is dark': async ({ link }, lengthMs) => {
    link.blackout(true);
    await sleep(lengthMs);
    link.blackout(false);
  },
};

describe.skipIf(mosquittoMissing())(`outages under load (seed ${SEED})`, () => {
  let world: OutageWorld | undefined;
  afterEach(async () => {
    await world?.close();
    world = undefined;
  });

  test.each(Object.entries(OUTAGES))('%s', { timeout: 3_600_000 }, async (_, outage) => {
    world = await openOutageWorld(DEADLINE_MS);
    for (let run = 0; run < WARM_RUNS; run++) await world.run('none').catch(() => {});
    const before = { handles: handleCount(), bytes: await heldBytes() };
    const over = new AbortController();
    const failing = failNowAndThen(world, outage, over.signal);
    const report = await requestLoad(world, REQUESTS, SEED);
    over.abort();
    expect(await failing).toBeGreaterThan(0);
    expect(report).toMatchObject({ wrongAnswers: 0, untyped: [] });
    expect(Object.keys(report.errors).filter((code) => !OUTAGE_CODES.includes(code))).toEqual([]);
    expect(report.worstOverrunMs).toBeLessThan(GRACE_MS);
    await expect.poll(() => world?.isSplitAgain(), { timeout: 30_000 }).toBe(true);
    // Timers, sockets and requests: nothing is left of those that failed.
    await expect.poll(handleCount, { timeout: 10_000 }).toBeLessThanOrEqual(before.handles + 4);
    await expect
      .poll(heldBytes, { timeout: 10_000, interval: 500 })
      .toBeLessThan(before.bytes + MEMORY_SLACK_BYTES);
  });
});

/** Returns how many outages there were. */
async function failNowAndThen(
  world: OutageWorld,
  outage: (world: OutageWorld, lengthMs: number) => Promise<void>,
  signal: AbortSignal,
): Promise<number> {
  const random = seededRandom(SEED);
  let count = 0;
  while (!signal.aborted) {
    await sleep(200 + random() * 600);
    // From shorter than a deadline to longer.
    const lengthMs = 100 + random() * 1_400;
    await outage(world, count === 0 && REQUESTS >= 1_000 ? LONG_OUTAGE_MS : lengthMs);
    count += 1;
  }
  return count;
}
