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
  expect(offset.isStale(0)).toBe(true);
  offset.add(sample(0, 1, 1, 100));
  expect(offset.isStale(5_000)).toBe(false);
  offset.add(sample(70_000, 40, 40, 200));
  expect(offset.offsetMs()).toBe(200);
});

function sample(atMs: number, upMs: number, downMs: number, offsetMs: number) {
  const remoteMs = atMs + upMs + offsetMs;
  const receivedMs = atMs + upMs + 3 + downMs;
  return { sentMs: atMs, remoteReceivedMs: remoteMs, remoteSentMs: remoteMs + 3, receivedMs };
}
