import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createClockOffset } from './clock-offset.ts';

const delay = fc.double({ min: 0, max: 500, noNaN: true });

test('the offset is off by half the quickest round trip at most', () => {
  const trips = fc.array(fc.tuple(delay, delay), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(trips, fc.integer({ min: -1e6, max: 1e6 }), (delays, truth) => {
      const offset = createClockOffset();
      for (const [index, [up, down]] of delays.entries()) offset.add(sample(index * 2_000, up, down, truth));
      const quickest = Math.min(...delays.map(([up, down]) => up + down));
      expect(Math.abs((offset.offsetMs() ?? Number.NaN) - truth)).toBeLessThanOrEqual(quickest / 2 + 1e-6);
    }),
  );
});

test('nothing is known before the first sample, and samples older than a minute give way', () => {
  const offset = createClockOffset();
  expect(offset.offsetMs()).toBeUndefined();
  offset.add(sample(0, 1, 1, 100));
  offset.add(sample(70_000, 40, 40, 200));
  expect(offset.offsetMs()).toBe(200);
});

test('more is wanted until there are eight samples, and again where the last is ten seconds old', () => {
  const offset = createClockOffset();
  for (let index = 0; index < 8; index++) {
    expect(offset.wantsMore(index)).toBe(true);
    offset.add(sample(index, 1, 1, 100));
  }
  expect(offset.wantsMore(9_000)).toBe(false);
  expect(offset.wantsMore(11_000)).toBe(true);
});

test('the spread is that of the quicker half, and never nothing', () => {
  const spreadOf = (...delays: number[]) => {
    const offset = createClockOffset();
    for (const [index, ms] of delays.entries()) offset.add(sample(index, ms / 2, ms / 2, 7));
    return offset.roundTripSpreadMs();
  };
  expect(spreadOf()).toBeUndefined();
  expect(spreadOf(20)).toBeCloseTo(20);
  expect(spreadOf(26, 20)).toBeCloseTo(6);
  expect(spreadOf(90, 20, 22, 30)).toBeCloseTo(10);
  expect(spreadOf(22, 20, 25, 31, 28)).toBeCloseTo(5);
  expect(spreadOf(31, 20, 33, 21, 34, 22, 32, 24)).toBeCloseTo(4);
  expect(spreadOf(20, 20, 20.1)).toBe(0.5);
});

function sample(atMs: number, upMs: number, downMs: number, offsetMs: number) {
  const remoteMs = atMs + upMs + offsetMs;
  const receivedMs = atMs + upMs + 3 + downMs;
  return { sentMs: atMs, remoteReceivedMs: remoteMs, remoteSentMs: remoteMs + 3, receivedMs };
}
