import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { twoMachinePlan } from '../../../test/support/two-machine-plan.ts';
import { readPlan } from '../planner/plan-file.ts';
import { seededRandom } from '../testing/random.ts';
import { brokerLoad, messagesOf } from './broker-load.ts';
import { capacityOf } from './capacity.ts';
import { type Fleet, readFleet } from './fleet-file.ts';
import { classPlans } from './fleet-plans.ts';
import { type FleetSimulation, simulateFleet } from './fleet-simulation.ts';
import { checkLaws } from './laws.ts';

const plan = readPlan(JSON.parse(twoMachinePlan()));

function fleetOf(more: object = {}, about: object = {}): Fleet {
  const link = { uplinkMbps: { p5: 1, p50: 8, p95: 40 }, roundTripMs: 20 };
  const cameras = { name: 'cameras', plan: 'plan.json', devices: 300, everySeconds: 4, link, ...about };
  return readFleet({ name: 'a street', slo: { p95Ms: 400 }, classes: [cameras], ...more });
}

function play(fleet: Fleet, gateways: readonly number[], more: Partial<FleetSimulation> = {}, seed = 1) {
  const classes = classPlans(
    fleet,
    fleet.classes.map(() => ({ plan })),
  );
  const times = { warmUpMs: 5_000, durationMs: 30_000 };
  return simulateFleet({ fleet, classes, gateways, ...times, random: seededRandom(seed), ...more });
}

describe('a simulated fleet', () => {
  it('keeps Little’s law, the law of utilisation, and every request, whatever the fleet', () => {
    const Settings = fc.record({
      devices: fc.integer({ min: 1, max: 60 }),
      everySeconds: fc.double({ min: 0.3, max: 5, noNaN: true }),
      arrivals: fc.constantFrom('poisson', 'periodic'),
      gateways: fc.integer({ min: 1, max: 4 }),
      executors: fc.integer({ min: 1, max: 3 }),
      slowdown: fc.double({ min: 0.5, max: 8, noNaN: true }),
      batching: fc.constantFrom('mixed', 'per-cut', 'none'),
      maxQueued: fc.integer({ min: 1, max: 40 }),
      dies: fc.boolean(),
    });
    fc.assert(
      fc.property(Settings, fc.integer(), (one, seed) => {
        const { executors, slowdown, batching, maxQueued, devices, everySeconds, arrivals } = one;
        const batches = [
          { size: 2, share: 0.7 },
          { size: 8, share: 0.4 },
        ];
        const gateway = { executors, slowdown, batching, maxQueued, batches };
        const failures = one.dies ? [{ gateway: 0, atMs: 3_000, backAtMs: 6_000 }] : [];
        const run = play(
          fleetOf({ gateway }, { devices, everySeconds, arrivals }),
          [one.gateways],
          { failures, warmUpMs: 1_000, durationMs: 8_000 },
          seed,
        );
        expect(run.laws.lost).toBe(0);
        for (const { ledger } of run.gateways) {
          const wallMs = executors * run.seconds * 1000;
          expect(ledger.busyInWindowMs).toBeLessThanOrEqual(wallMs * (1 + 1e-9));
        }
      }),
      { numRuns: 60 },
    );
  });

  it('does not hide a request that was lost', () => {
    const run = play(fleetOf(), [2]);
    const ledgers = run.gateways.map(({ ledger }) => ledger);
    const [first, ...others] = ledgers;
    if (!first) throw new Error('no gateway');
    expect(() => checkLaws([{ ...first, answered: first.answered - 1 }, ...others])).toThrow(
      /1 requests did not end/,
    );
    expect(() => checkLaws([{ ...first, stayedMs: first.stayedMs * 1.01 }, ...others])).toThrow(/Little/);
  });

  it('agrees with the queue that can be computed: one server, Poisson arrivals, times that do not vary', () => {
    // Pollaczek and Khinchine: the mean wait is rho S / 2 (1 - rho).
    const about = {
      devices: 200,
      everySeconds: 20,
      deadlineMs: 60_000,
      link: { uplinkMbps: 1000, roundTripMs: 0 },
    };
    const fleet = fleetOf({ noise: 0, gateway: { slowdown: 2, copyMs: 0, batching: 'none' } }, about);
    const run = play(fleet, [1], { mode: 'cloud', durationMs: 1_500_000 });
    const serviceMs = 60;
    const [{ ledger } = { ledger: undefined }] = run.gateways;
    const used = (ledger?.busyInWindowMs ?? 0) / (run.seconds * 1000);
    const expected = (used * serviceMs) / (2 * (1 - used));
    expect(used).toBeCloseTo(0.6, 1);
    expect(run.classes[0]?.queue.mean).toBeGreaterThan(0.85 * expected);
    expect(run.classes[0]?.queue.mean).toBeLessThan(1.15 * expected);
  });

  it('spreads over the gateways by what they announce, and over those that are left when one dies', () => {
    const fleet = fleetOf({ gateway: { slowdown: 3 } }, { devices: 600, everySeconds: 5 });
    const shares = (run: ReturnType<typeof play>) => {
      const counts = run.gateways.map(({ ledger }) => ledger.arrivedInWindow);
      const sum = counts.reduce((a, b) => a + b, 0);
      return counts.map((count) => count / sum);
    };
    for (const share of shares(play(fleet, [8]))) {
      expect(share).toBeGreaterThan(0.08);
      expect(share).toBeLessThan(0.18);
    }
    const died = play(fleet, [8], {
      failures: [{ gateway: 3, atMs: 5_000, backAtMs: Number.POSITIVE_INFINITY }],
    });
    const [, , , gone, ...rest] = shares(died);
    // What was on its way to it.
    expect(gone).toBeLessThan(0.01);
    expect(Math.max(...rest)).toBeLessThan(0.22);
    expect(died.laws.lost).toBe(0);
    // Requests in hand at that moment are finished by their devices.
    expect(died.classes[0]?.latency.count).toBeGreaterThan(3_000);
  });

  it('gives the same for the same seed', () => {
    const figures = (seed: number) => {
      const [one] = play(fleetOf(), [2], {}, seed).classes;
      return [one?.latency.count, one?.latency.quantile(0.95)];
    };
    expect(figures(7)).toEqual(figures(7));
    expect(figures(7)).not.toEqual(figures(8));
  });

  it('stays in its region, unless another is allowed', () => {
    const regions = (mayUse: readonly string[]) => [{ name: 'eu', mayUse }, { name: 'us' }];
    const about = { region: 'eu' };
    const alone = play(fleetOf({ regions: regions([]) }, about), [0, 2]);
    expect(alone.classes[0]?.sentByArm.size).toBe(0);
    const abroad = play(fleetOf({ regions: regions(['us']) }, about), [0, 2]);
    expect(abroad.classes[0]?.sentByArm.size).toBeGreaterThan(0);
  });
});

describe('capacity', () => {
  const capacity = (fleet: Fleet) =>
    capacityOf({
      ...{ fleet, seconds: 20, makeRandom: () => seededRandom(3) },
      classes: classPlans(
        fleet,
        fleet.classes.map(() => ({ plan })),
      ),
    });

  it('finds gateways that keep objective and headroom, and one fewer does not', () => {
    const fleet = fleetOf({ gateway: { slowdown: 4 } }, { devices: 500 });
    const report = capacity(fleet);
    expect(report.problems).toEqual([]);
    const [region] = report.regions;
    expect(region?.utilisation).toBeLessThanOrEqual(0.7);
    expect(report.classes[0]?.latency.p95Ms).toBeLessThanOrEqual(400);
    const few = play(fleet, [Math.floor((region?.gateways ?? 0) * 0.8)]);
    const [{ ledger } = { ledger: undefined }] = few.gateways;
    const used =
      few.gateways.reduce((sum, one) => sum + one.ledger.busyInWindowMs, 0) / few.gateways.length / 30_000;
    expect(used > 0.7 || (few.classes[0]?.latency.quantile(0.95) ?? 0) > 400).toBe(true);
    expect(ledger).toBeDefined();
  });

  it('says what cannot be had, and that more gateways would not help', () => {
    const report = capacity(fleetOf({ slo: { p95Ms: 120 } }));
    expect(report.isFeasible).toBe(false);
    expect(report.problems.join()).toMatch(
      /cameras: at .*bit\/s.*even with idle gateways.*More gateways do not help/,
    );
  });

  it('compares with the device alone and the cloud alone, by the same prices', () => {
    const prices = { perGatewayHour: 2, perGigabyte: 0.1, perDeviceHour: 0.01 };
    const [own, device, cloud] = capacity(fleetOf({ prices })).costs;
    expect(device).toMatchObject({ gateways: 0, gatewaysCost: 0, trafficCost: 0 });
    expect(device?.p95Ms).toBeGreaterThan(299);
    expect(device?.devicesCost).toBeCloseTo((1000 * 300 * 0.01) / 3_600_000, 6);
    expect(cloud?.trafficCost).toBeGreaterThan(own?.trafficCost ?? Number.POSITIVE_INFINITY);
    expect(cloud?.devicesCost).toBeLessThan(device?.devicesCost ?? 0);
  });
});

describe('what a broker carries', () => {
  it('is announcements above all, in a large fleet', () => {
    const limits = { maxMessagesPerSecond: 50_000, maxMegabytesPerSecond: 500 };
    const load = brokerLoad(
      {
        ...{ devices: 100_000, gateways: 20, announcementsPerSecond: 4 },
        ...{ requestMessagesPerSecond: 2_000, bytesPerSecond: 1e7 },
      },
      limits,
    );
    expect(load.announcementsPerSecond).toBeCloseTo(4 * 100_001);
    expect(load.brokers).toBe(3);
  });

  it('is few of them while little happens, and of each gateway one every 5 s at most', () => {
    const [idle, busy] = [{ devices: 1 }, { devices: 60, everySeconds: 0.3 }].map(
      (about) => play(fleetOf({ gateway: { slowdown: 4 } }, about), [2]).announcements,
    );
    expect(idle).toBeLessThanOrEqual(4);
    expect(busy).toBeGreaterThan(8);
    expect(busy).toBeLessThanOrEqual(2 * (1 + 30 / 5));
  });

  it('is a part of 8 KiB first, and others of 64 KiB', () => {
    expect([0, 65_536, 65_537, 200_000].map(messagesOf)).toEqual([1, 1, 2, 4]);
  });
});

describe('fleet.yaml', () => {
  it.each([
    [{ slo: {} }, /fleet\.slo\.p95Ms/],
    [{ classes: [] }, /fleet\.classes/],
    [{ regions: [{ name: 'eu', mayUse: ['mars'] }] }, /no region 'mars'/],
    [{ headroom: 1 }, /fleet\.headroom/],
    [
      {
        gateway: {
          batches: [
            { size: 4, share: 0.5 },
            { size: 2, share: 0.7 },
          ],
        },
      },
      /rising sizes/,
    ],
    [{ speed: 1 }, /speed/],
  ])('refuses %j', (wrong, expected) => {
    expect(() => fleetOf(wrong)).toThrow(expected);
    expect(() => fleetOf(wrong)).toThrow(expect.objectContaining({ code: 'options-invalid' }));
  });

  it('takes rates or a trace for a link, not both', () => {
    const link = { roundTripMs: 20 };
    expect(() => fleetOf({}, { link })).toThrow(/uplinkMbps or trace/);
    expect(() => fleetOf({}, { link: { ...link, uplinkMbps: 4, trace: 'x' } })).toThrow(
      /uplinkMbps or trace/,
    );
  });
});
