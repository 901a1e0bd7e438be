/**
 * Broker, gateway and link fail under load, by a seeded schedule. Every request ends once, in time: as the right answer or
 * as an error with a code that says what happened.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { seededRandom } from '../../sdk/src/testing/random.ts';
import { mosquittoMissing } from '../support/mosquitto.ts';
import { REQUESTS, SEED } from './fault-count.ts';
import { type OutageWorld, openOutageWorld } from './outage-world.ts';
import { requestLoad } from './request-load.ts';

const DEADLINE_MS = 600;
const GRACE_MS = 200;
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
    const before = process.getActiveResourcesInfo().length;
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
    await expect
      .poll(() => process.getActiveResourcesInfo().length, { timeout: 10_000 })
      .toBeLessThanOrEqual(before + 4);
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
    await outage(world, 100 + random() * 1_400);
    count += 1;
  }
  return count;
}
