import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Cut } from '../cut/cut.ts';
import { type Arm, DEVICE_ARM, splitArm } from '../planner/arm.ts';
import { type ArmCost, predictStages, totalMs } from '../planner/cost-model.ts';
import type { Objective } from '../planner/objective.ts';
import { type Controller, createController } from './controller.ts';
import { latencyScore, objectiveScore } from './score.ts';

const arm = (id: string): Arm =>
  splitArm(
    { id, position: 1, depth: 0.5, name: id, tensors: [], headOutputs: [], bytes: null } satisfies Cut,
    'uint8',
  );
const early = arm('early');
const late = arm('late');
const costs: readonly (readonly [Arm, ArmCost])[] = [
  [DEVICE_ARM, { headMs: 500, encodeMs: 0, sentBytes: 0, tailMs: 0, receivedBytes: 0, decodeMs: 0 }],
  [early, { headMs: 50, encodeMs: 20, sentBytes: 600_000, tailMs: 60, receivedBytes: 1000, decodeMs: 1 }],
  [late, { headMs: 250, encodeMs: 10, sentBytes: 60_000, tailMs: 30, receivedBytes: 1000, decodeMs: 1 }],
];
const arms = costs.map(([one]) => one);

const milliseconds = fc.double({ min: 0.1, max: 2000, noNaN: true });
const bytes = fc.integer({ min: 20_000, max: 5_000_000 });
const anyCost = fc.record({
  headMs: milliseconds,
  encodeMs: milliseconds,
  sentBytes: bytes,
  tailMs: milliseconds,
  receivedBytes: bytes,
  decodeMs: milliseconds,
});

/** A world with a link of that rate: runs the chosen arm and tells the controller what it took. */
function request(controller: Controller, bitsPerSecond: number, atMs: number): Arm {
  const chosen = controller.choose(arms, atMs);
  observeRun(controller, chosen, bitsPerSecond, atMs);
  return chosen;
}

function observeRun(controller: Controller, chosen: Arm, bitsPerSecond: number, atMs: number): void {
  const cost = controller.cost(chosen) as ArmCost;
  const world = {
    uplinkBitsPerSecond: bitsPerSecond,
    downlinkBitsPerSecond: bitsPerSecond,
    roundTripMs: 20,
    queueMs: 0,
    deviceSlowdown: 1,
    cloudSlowdown: 1,
  };
  const sends = chosen.kind === 'split';
  const all = predictStages(cost, world);
  const stages = sends ? all : { ...all, uplinkMs: 0, downlinkMs: 0 };
  const link = {
    atMs,
    sentBytes: cost.sentBytes,
    uplinkMs: all.uplinkMs,
    receivedBytes: cost.receivedBytes,
    downlinkMs: all.downlinkMs,
  };
  controller.observe({ arm: chosen, stages, ...(sends ? { link } : {}) }, atMs);
}

function started(): Controller {
  const controller = createController(DEVICE_ARM);
  for (const [one, cost] of costs) controller.setCost(one, cost);
  controller.pushRoundTrip(20);
  return controller;
}

describe('the controller', () => {
  it('answers with the device while it knows no cost', () => {
    expect(createController(DEVICE_ARM).choose(arms, 0)).toBe(DEVICE_ARM);
  });

  it.each([
    [0.5e6, DEVICE_ARM],
    [5e6, late],
    [100e6, early],
  ])('at %d bit/s settles on the arm that is fastest there within five requests', (bitsPerSecond, best) => {
    const controller = started();
    const chosen = Array.from({ length: 5 }, (_, index) => request(controller, bitsPerSecond, index * 300));
    expect(chosen.at(-1)).toBe(best);
  });

  it('follows the link down and up again', () => {
    const controller = started();
    let atMs = 0;
    const next = () => {
      atMs += 300;
      return atMs;
    };
    const settle = (bitsPerSecond: number) =>
      Array.from({ length: 6 }, () => request(controller, bitsPerSecond, next())).at(-1);
    expect(settle(100e6)).toBe(early);
    expect(settle(5e6)).toBe(late);
    expect(settle(100e6)).toBe(early);
  });

  it('tries the link again some time after it has given it up', () => {
    const controller = started();
    for (let index = 0; index < 6; index++) request(controller, 0.2e6, index * 300);
    expect(controller.choose(arms, 2000)).toBe(DEVICE_ARM);
    expect(controller.choose(arms, 120_000)).not.toBe(DEVICE_ARM);
  });

  describe('looks at the link', () => {
    const whole = { headMs: 40, encodeMs: 0, sentBytes: 0, tailMs: 0, receivedBytes: 0, decodeMs: 0 };
    const heavy = { headMs: 5, encodeMs: 2, sentBytes: 60_000, tailMs: 50, receivedBytes: 1000, decodeMs: 1 };
    const alone = (cost: ArmCost, runs: number | undefined, score = latencyScore) => {
      const controller = createController(DEVICE_ARM, { score });
      controller.setCost(DEVICE_ARM, whole, 10);
      controller.setCost(late, cost, runs);
      return controller;
    };
    /** In two minutes of one request a second, the device being so slow. */
    const probesOf = (controller: Controller, { slowdown = 1, fromMs = 0, deadlineMs = 1000 } = {}) =>
      Array.from({ length: 120 }, (_, second) => {
        const atMs = fromMs + 1000 * second;
        const { arm: chosen, probe } = controller.decide([DEVICE_ARM, late], atMs, { deadlineMs });
        expect(chosen).toBe(DEVICE_ARM);
        const stages = { ...whole, headMs: 40 * slowdown, uplinkMs: 0, queueMs: 0, downlinkMs: 0 };
        controller.observe({ arm: DEVICE_ARM, stages }, atMs);
        return probe;
      }).filter((probe) => probe !== undefined).length;

    it('only where something that is sent could win on the best of links', () => {
      expect(probesOf(alone(heavy, 10))).toBe(0);
      expect(probesOf(alone({ ...heavy, tailMs: 30, sentBytes: 2e6 }, 10))).toBeGreaterThan(5);
    });

    it('where the device has become slow enough for that', () => {
      const controller = alone({ ...heavy, sentBytes: 6e6 }, 10);
      expect(probesOf(controller)).toBe(0);
      expect(probesOf(controller, { slowdown: 3, fromMs: 120_000 })).toBeGreaterThan(5);
    });

    it('where nobody has ever run what is sent, whatever is said of it', () => {
      expect(probesOf(alone(heavy, undefined))).toBeGreaterThan(5);
    });

    it('where the device misses the deadline and another arm may not, whatever the objective', () => {
      const bytes = objectiveScore('bytes');
      const cost = { ...heavy, tailMs: 10, sentBytes: 6e6 };
      expect(probesOf(alone(cost, 10, bytes))).toBe(0);
      expect(probesOf(alone(cost, 10, bytes), { deadlineMs: 30 })).toBeGreaterThan(5);
    });
  });

  it('leaves an arm from which no answer comes', () => {
    const controller = started();
    for (let index = 0; index < 6; index++) request(controller, 100e6, index * 300);
    expect(controller.choose(arms, 2000)).toBe(early);
    for (let index = 0; index < 8; index++) {
      const chosen = controller.choose(arms, 2000 + index * 2000);
      if (chosen.kind === 'split') controller.observeSilence(chosen, 2000, 4000 + index * 2000);
    }
    expect(controller.choose(arms, 20_000)).toBe(DEVICE_ARM);
  });

  it('never takes an arm that is predicted to miss the deadline while another keeps it, whatever was seen', () => {
    const objectives = fc.constantFrom<Objective>('latency', 'bytes', 'throughput');
    const rates = fc.array(fc.integer({ min: 100_000, max: 200_000_000 }), { maxLength: 12 });
    fc.assert(
      fc.property(
        fc.array(anyCost, { minLength: 1, maxLength: 8 }),
        objectives,
        rates,
        fc.double({ min: 1, max: 5000, noNaN: true }),
        (list, objective, seen, deadlineMs) => {
          const controller = createController(DEVICE_ARM, { score: objectiveScore(objective) });
          const all = [DEVICE_ARM, ...list.slice(1).map((_, index) => arm(`cut${index}`))];
          all.forEach((one, index) => {
            controller.setCost(one, list[index] as ArmCost);
          });
          let nowMs = 0;
          for (const rate of seen) {
            nowMs += 300;
            observeRun(controller, controller.choose(all, nowMs), rate, nowMs);
          }
          const ranked = controller.rank(all, nowMs);
          const fastest = Math.min(...ranked.map(({ totalMs: predictedMs }) => predictedMs));
          const decided = controller.decide(all, nowMs, { deadlineMs });
          expect(decided.totalMs).toBeLessThanOrEqual(Math.max(deadlineMs, fastest));
        },
      ),
    );
  });

  it('ranks by the predicted total, for any costs and any link', () => {
    fc.assert(
      fc.property(fc.array(anyCost, { minLength: 1, maxLength: 8 }), (list) => {
        const controller = createController(DEVICE_ARM);
        const all = list.map((one, index) => [arm(`cut${index}`), one] as const);
        for (const [one, its] of all) controller.setCost(one, its);
        const prior = {
          uplinkBitsPerSecond: 20e6,
          downlinkBitsPerSecond: 20e6,
          roundTripMs: 20,
          queueMs: 0,
          deviceSlowdown: 1,
          cloudSlowdown: 1,
        };
        const best = Math.min(...list.map((one) => totalMs(predictStages(one, prior))));
        const ranked = controller.rank(
          all.map(([one]) => one),
          0,
        );
        expect(ranked).toHaveLength(list.length);
        expect(ranked[0]?.totalMs).toBeCloseTo(best, 6);
      }),
    );
  });
});
