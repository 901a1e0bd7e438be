/** One of two gateways is restarted, or killed, while many devices ask: every request is answered once, and rightly. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Fleet, startFleet } from '../support/device-fleet.ts';
import { mosquittoMissing } from '../support/mosquitto.ts';
import { GATEWAYS, startTwoGateways, type TwoGateways, until } from '../support/two-gateways.ts';

const DEVICES = 40;
const SEED = Number(process.env.CUTPOINT_SEED ?? 11);
/** What a device may hear from a gateway that goes away, and try again elsewhere. */
const PASSING = ['gateway-unavailable', 'overloaded'];

describe.skipIf(mosquittoMissing())(`two gateways under load (seed ${SEED})`, () => {
  let world: TwoGateways;
  let fleet: Fleet;
  beforeAll(async () => {
    world = await startTwoGateways();
    fleet = await startFleet({
      ...{ broker: world.broker, requests: world.requests, count: DEVICES, seed: SEED },
      ...{ requestsPerSecond: 80, deadlineMs: 20_000 },
    });
    await answersOf(20);
  }, 60_000);
  afterAll(() => world?.close(), 60_000);

  /** Waits until each gateway has given so many more. */
  async function answersOf(count: number): Promise<void> {
    const { by } = fleet.report;
    const before = { ...by };
    await until(() => GATEWAYS.every((name) => (by[name] ?? 0) >= (before[name] ?? 0) + count));
  }

  it('lose and spoil no request by a rolling restart, nor by a kill', { timeout: 120_000 }, async () => {
    for (const name of GATEWAYS) {
      expect(await world.restart(name)).toBe(0);
      await answersOf(10);
    }
    await world.killAndStart('gw-a');
    await answersOf(10);
    await fleet.stop();
    const { sent, answers, wrong, failures, retries, untyped } = fleet.report;
    expect({ answers, wrong, failures, untyped }).toEqual({
      answers: sent,
      wrong: 0,
      failures: {},
      untyped: [],
    });
    expect(Object.keys(retries).filter((code) => !PASSING.includes(code))).toEqual([]);
  });
});
