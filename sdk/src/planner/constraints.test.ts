import { describe, expect, it } from 'vitest';
import { brokenConstraints, chooseArm, type Situation } from './constraints.ts';
import type { PlannedArm } from './planned-arm.ts';

const now: Situation = {
  uplinkBitsPerSecond: 8e6,
  downlinkBitsPerSecond: 8e6,
  roundTripMs: 10,
  queueMs: 0,
  deviceSlowdown: 1,
  cloudSlowdown: 1,
};
const base: PlannedArm = {
  id: 'device',
  kind: 'device',
  name: 'the device alone',
  depth: 1,
  cost: { headMs: 100, encodeMs: 0, sentBytes: 0, tailMs: 0, receivedBytes: 0, decodeMs: 0 },
  payloadBytes: 0,
  deviceMemoryBytes: 5e8,
  accuracyLoss: 0,
  sendsInput: false,
  isGuess: false,
};
/** 10 + 10 + 5 ms of work, 20 kB in 20 ms, round trip 10 ms. */
const cut: PlannedArm = {
  ...base,
  id: 'cut',
  kind: 'split',
  depth: 0.5,
  cost: { headMs: 10, encodeMs: 5, sentBytes: 20_000, tailMs: 10, receivedBytes: 0, decodeMs: 0 },
  payloadBytes: 20_000,
  deviceMemoryBytes: 1e8,
  accuracyLoss: 0.01,
};
const input: PlannedArm = {
  ...cut,
  id: 'input',
  kind: 'cloud',
  depth: 0,
  sendsInput: true,
  accuracyLoss: null,
};

describe('brokenConstraints', () => {
  it.each([
    ['deadlineMs', base, { deadlineMs: 99 }, { deadlineMs: 100 }],
    ['deviceMemoryBytes', base, { deviceMemoryBytes: 4e8 }, { deviceMemoryBytes: 5e8 }],
    ['maxAccuracyLoss', cut, { maxAccuracyLoss: 0.009 }, { maxAccuracyLoss: 0.01 }],
    ['maxPayloadBytes', cut, { maxPayloadBytes: 19_999 }, { maxPayloadBytes: 20_000 }],
    ['inputs', input, { inputs: 'stay' }, { inputs: 'may-leave' }],
    ['minDepth', cut, { minDepth: 0.51 }, { minDepth: 0.5 }],
    ['regions', cut, { regions: ['eu'] }, {}],
  ] as const)('holds %s at its limit and breaks it beyond', (name, arm, tight, loose) => {
    expect(brokenConstraints(arm, tight, now)).toEqual([name]);
    expect(brokenConstraints(arm, loose, now)).toEqual([]);
  });

  it('leaves out an arm whose accuracy nobody measured where there is a budget', () => {
    expect(brokenConstraints(input, { maxAccuracyLoss: 1 }, now)).toEqual(['maxAccuracyLoss']);
  });

  it('asks for the region only of arms that send something', () => {
    expect(brokenConstraints(base, { regions: ['eu'] }, now)).toEqual([]);
    expect(brokenConstraints(cut, { regions: ['eu'] }, { ...now, region: 'eu' })).toEqual([]);
  });
});

describe('chooseArm', () => {
  it('takes the arm with the least latency', () => {
    const choice = chooseArm([base, cut], now, { objective: 'latency', constraints: {} });
    expect(choice).toMatchObject({ kind: 'arm', arm: { id: 'cut' }, score: 55 });
  });

  it('takes the arm whose slowest stage is fastest where throughput counts', () => {
    const choice = chooseArm([base, cut], now, { objective: 'throughput', constraints: {} });
    expect(choice).toMatchObject({ kind: 'arm', arm: { id: 'cut' }, score: 20 });
  });

  it('counts what computing, sending and waiting draw where energy counts', () => {
    const power = { computeWatts: 10, idleWatts: 2, sendWatts: 1, sendWattsPerMbps: 0.5, source: 'a test' };
    const choice = chooseArm([base, cut], now, { objective: 'energy', constraints: {}, models: { power } });
    // 15 ms at 10 W, 20 ms at 1 + 8 · 0.5 W, and 20 ms of waiting at 2 W.
    expect(choice).toMatchObject({ kind: 'arm', arm: { id: 'cut' }, score: 150 + 100 + 40 });
  });

  it('counts what a million requests cost', () => {
    const prices = { perComputeHour: 3.6, perGigabyte: 0.1 };
    const choice = chooseArm([cut], now, { objective: 'cost', constraints: {}, models: { prices } });
    expect(choice).toMatchObject({ kind: 'arm', score: expect.closeTo(10 + 2, 9) });
  });

  it('names the constraint that stands in the way when no arm is left', () => {
    const constraints = { deadlineMs: 60, maxPayloadBytes: 1000 };
    expect(chooseArm([base, cut], now, { objective: 'latency', constraints })).toEqual({
      kind: 'infeasible',
      dropAny: ['deadlineMs', 'maxPayloadBytes'],
      ruledOut: { deadlineMs: 1, maxPayloadBytes: 1 },
      reason:
        'No arm keeps deadlineMs (1 of 2 arms), maxPayloadBytes (1 of 2 arms); without deadlineMs or maxPayloadBytes one would remain.',
    });
  });

  it('says so when the objective cannot be computed', () => {
    const choice = chooseArm([base], now, { objective: 'energy', constraints: {} });
    expect(choice).toMatchObject({
      kind: 'infeasible',
      dropAny: [],
      reason: expect.stringContaining('needs a model'),
    });
  });
});
