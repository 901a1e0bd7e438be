import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ArmCost } from '../planner/cost-model.ts';
import { seededRandom } from '../testing/random.ts';
import { comparePolicies, countSwitches, isLate, meanMs } from './compare.ts';
import { changeText } from './decision.ts';
import { banditPolicy, controllerPolicy } from './rivals.ts';
import { type PlayedRequest, simulate } from './simulate.ts';
import { playedArms, type SimulatedArm, type SimulatedPlan } from './simulated-plan.ts';
import type { World } from './simulated-world.ts';
import { createTraceLink } from './trace-link.ts';

const cost = (headMs: number, sentBytes: number, tailMs: number): ArmCost => ({
  ...{ headMs, sentBytes, tailMs, encodeMs: sentBytes > 0 && headMs > 0 ? 5 : 0 },
  ...{ receivedBytes: sentBytes > 0 ? 1000 : 0, decodeMs: sentBytes > 0 ? 1 : 0 },
});
const plan: SimulatedPlan = {
  link: { roundTripMs: 20, downlinkBitsPerSecond: 20e6, queueMs: 0 },
  arms: [
    { id: 'device', kind: 'device', name: 'device', depth: 1, cost: cost(400, 0, 0) },
    { id: 'input/image', kind: 'cloud', name: 'input', depth: 0, cost: cost(0, 100_000, 60) },
    { id: 'early/uint8', kind: 'split', name: 'early', depth: 0.3, cost: cost(80, 40_000, 40) },
    { id: 'late/uint8', kind: 'split', name: 'late', depth: 0.7, cost: cost(200, 8000, 20) },
  ],
};

/** Rates in Mbit/s from a moment on, in seconds. */
function linkOf(...rates: readonly (readonly [number, number])[]) {
  return createTraceLink(
    rates.map(([seconds, mbps]) => ({ atMs: seconds * 1000, bitsPerSecond: mbps * 1e6 })),
  );
}

function play(
  world: Partial<World>,
  seconds = 60,
  of: SimulatedPlan = plan,
  policy = controllerPolicy(plan.link),
) {
  const whole = {
    uplink: linkOf([0, 2], [seconds, 2]),
    roundTripMs: 20,
    downlinkBitsPerSecond: 20e6,
    ...world,
  };
  return simulate({ arms: playedArms(of), world: whole, policy, durationMs: seconds * 1000, everyMs: 200 });
}

const isRight = ({ totalMs, bestMs }: PlayedRequest) => totalMs <= bestMs * 1.03;
const since = (requests: readonly PlayedRequest[], ms: number) =>
  requests.filter(({ startMs }) => startMs >= ms);

describe('the controller in the simulator', () => {
  it('settles on the best arm of any link that stands still', () => {
    fc.assert(
      fc.property(fc.double({ min: -4, max: 6, noNaN: true }), (octaves) => {
        const mbps = 2 ** octaves;
        const late = since(play({ uplink: linkOf([0, mbps], [60, mbps]) }), 10_000);
        expect(late.filter((request) => !isRight(request))).toEqual([]);
        expect(countSwitches(late)).toBeLessThanOrEqual(5);
      }),
      { numRuns: 40 },
    );
  });

  it('has the right arm within five requests after a doubling or a halving', () => {
    fc.assert(
      fc.property(fc.double({ min: -2, max: 5, noNaN: true }), fc.constantFrom(0.5, 2), (octaves, factor) => {
        const mbps = 2 ** octaves;
        const uplink = linkOf([0, mbps], [20, mbps * factor], [40, mbps * factor]);
        const sixth = since(play({ uplink }, 40), 20_000).slice(5, 15);
        expect(sixth.filter(isRight).length).toBe(sixth.length);
      }),
      { numRuns: 40 },
    );
  });

  it('blames the device for what the device does, and is back within twenty requests', () => {
    const attackMs = 12 * 800;
    const deviceSlowdown = (atMs: number) => (atMs >= 20_000 && atMs < 20_000 + attackMs ? 3 : 1);
    const attacked = (policy = controllerPolicy(plan.link)) =>
      play({ uplink: linkOf([0, 1.5], [60, 1.5]), deviceSlowdown }, 60, plan, policy);
    const requests = attacked();
    const twentieth = since(requests, 20_000 + attackMs).slice(20);
    expect(twentieth.length).toBeGreaterThan(20);
    expect(twentieth.every(isRight)).toBe(true);
    const causes = since(requests, 20_000).flatMap(({ change }) => (change ? [change.cause] : []));
    expect(causes[0]).toBe('device');
    expect(causes).not.toContain('cloud');
    // The bandit sees totals alone and forgets nothing.
    expect(meanMs(requests)).toBeLessThan(meanMs(attacked(banditPolicy)));
  });

  it('never takes an arm beyond the walls, nor probes by one', () => {
    const walls = fc.array(fc.constantFrom('excluded', 'refused', 'allowed'), { minLength: 4, maxLength: 4 });
    const rates = fc.array(fc.double({ min: 0, max: 30, noNaN: true }), { minLength: 3, maxLength: 12 });
    fc.assert(
      fc.property(walls, rates, (list, mbps) => {
        const arms = plan.arms.map(
          (arm, i): SimulatedArm => ({
            ...arm,
            excludedBy: list[i] === 'excluded' ? ['inputs'] : [],
            isRefused: list[i] === 'refused',
          }),
        );
        const allowed = new Set([
          'device',
          ...arms.filter((_, i) => list[i] === 'allowed').map(({ id }) => id),
        ]);
        const uplink = linkOf(...[...mbps, 1].map((rate, i) => [i * 2, rate] as const));
        const probes: string[] = [];
        const inner = controllerPolicy(plan.link);
        const watched: typeof inner = (played) => {
          const policy = inner(played);
          return {
            ...policy,
            decide: (situation) => {
              const decision = policy.decide(situation);
              if (decision.probe) probes.push(decision.probe.id);
              return decision;
            },
          };
        };
        const requests = play({ uplink }, 20, { ...plan, arms }, watched);
        expect([...requests.map(({ armId }) => armId), ...probes].filter((id) => !allowed.has(id))).toEqual(
          [],
        );
      }),
      { numRuns: 50 },
    );
  });

  it('probes while the device works alone, and so sees that the link has come back', () => {
    const requests = play({ uplink: linkOf([0, 8], [10, 0.01], [30, 8], [60, 8]) });
    const dark = requests.filter(({ startMs }) => startMs > 13_000 && startMs < 29_000);
    expect(dark.every(({ armId }) => armId === 'device')).toBe(true);
    expect(dark.some(({ isProbing }) => isProbing)).toBe(true);
    expect(since(requests, 34_000).every(isRight)).toBe(true);
  });

  it('gives a request up whose answer does not come, and loses about what the device needs', () => {
    const requests = play({ uplink: linkOf([0, 8], [10, 0], [40, 8], [60, 8]) });
    const given = requests.filter(isLate);
    expect(given.length).toBeGreaterThan(0);
    expect(Math.max(...requests.map(({ totalMs }) => totalMs))).toBeLessThan(2 * 400);
  });

  it('says with numbers why it moved', () => {
    const requests = play({ uplink: linkOf([0, 16], [10, 1], [60, 1]) });
    const change = requests.find(({ startMs, change }) => change && startMs >= 10_000)?.change;
    expect(change?.cause).toMatch(/link|silence/);
    const texts = requests.flatMap((request) => (request.change ? [changeText(request.change)] : []));
    expect(texts.join('\n')).toMatch(
      / -> .*(uplink [\d.]+ Mbit\/s, was [\d.]+|no answer came in time); \d+ ms/,
    );
  });

  it('leaves a gateway that is contended, and spreads a fleet over requests', () => {
    const options = { plan, durationMs: 30_000, everyMs: 250, devices: 12 };
    const world: World = { uplink: linkOf([0, 20], [30, 20]), roundTripMs: 20, downlinkBitsPerSecond: 20e6 };
    const results = comparePolicies({ ...options, world, controller: { random: seededRandom(3) } });
    const of = (name: string) => results.find((result) => result.name === name)?.meanMs ?? Number.NaN;
    expect(of('controller')).toBeLessThan(of('input'));
  });
});

describe('simulate', () => {
  it('gives the same requests for the same options', () => {
    const run = () => play({ uplink: linkOf([0, 4], [3, 0.5], [6, 9], [9, 4]) }, 9);
    expect(run()).toEqual(run());
  });

  it('lets nobody be better than the oracle while nothing is queued', () => {
    const world: World = {
      uplink: linkOf([0, 4], [3, 0.5], [6, 9], [9, 4]),
      roundTripMs: 20,
      downlinkBitsPerSecond: 20e6,
    };
    const results = comparePolicies({ plan, world, durationMs: 9000, everyMs: 1000 });
    const [oracle, ...others] = results.map((result) => result.meanMs);
    for (const ms of others) expect(ms).toBeGreaterThanOrEqual((oracle as number) - 1e-9);
    expect(results.map(({ name }) => name)).toContain('muLinUCB');
  });
});
