import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  burdenOf,
  dislikeOf,
  firstGateway,
  type KnownGateway,
  nameHash,
  rankGateways,
} from './gateway-ranking.ts';

function gateway(name: string, more: Partial<KnownGateway['announcement']> = {}, known = {}): KnownGateway {
  const announcement = {
    v: 1,
    gateway: name,
    state: 'ready',
    models: [],
    maxPayloadBytes: 1,
    ...more,
  } as const;
  return { announcement, roundTripMs: 10, hasFailed: false, ...known };
}

const order = (known: readonly KnownGateway[], region?: string) =>
  rankGateways(known, { region }).map((one) => one.gateway);

test('the shortest wait comes first: round trip, queue and price together', () => {
  const quick = gateway('quick', { queueMs: 30 });
  const far = gateway('far', {}, { roundTripMs: 60 });
  const dear = gateway('dear', { price: 45 });
  expect(order([far, dear, quick])).toEqual(['quick', 'dear', 'far']);
});

test('who failed of late, and who drains, comes last whatever it announces', () => {
  const failed = gateway('failed', {}, { hasFailed: true });
  const draining = gateway('draining', { state: 'draining' });
  expect(order([draining, failed, gateway('busy', { queueMs: 900 })])).toEqual([
    'busy',
    'failed',
    'draining',
  ]);
});

test('the own region is preferred, unless the other is quicker by far', () => {
  const here = gateway('here', { region: 'eu', queueMs: 40 });
  const there = gateway('there', { region: 'us' });
  expect(order([there, here], 'eu')).toEqual(['here', 'there']);
  expect(order([there, here])).toEqual(['there', 'here']);
  const busy = gateway('busy', { region: 'eu', queueMs: 400 });
  expect(order([busy, there], 'eu')).toEqual(['there', 'busy']);
});

test('equal ones keep one order', () => {
  expect(order([gateway('b'), gateway('a')])).toEqual(['a', 'b']);
});

test('devices share equal gateways evenly, and each keeps to its own', () => {
  const known = ['a', 'b', 'c', 'd'].map((name) => gateway(name));
  const first = (device: string) => rankGateways(known, { device })[0]?.gateway;
  const devices = Array.from({ length: 4000 }, (_, i) => `camera-${i}`);
  const counts = new Map<string | undefined, number>();
  for (const device of devices) counts.set(first(device), (counts.get(first(device)) ?? 0) + 1);
  for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150);
  expect(counts.size).toBe(4);
});

test('a gateway that is a second busier keeps a share that is e times smaller, not none', () => {
  const known = [gateway('a', { queueMs: 1000 }), gateway('b')];
  const devices = Array.from({ length: 4000 }, (_, i) => `camera-${i}`);
  const stay = devices.filter((device) => rankGateways(known, { device })[0]?.gateway === 'a').length;
  expect(stay / devices.length).toBeCloseTo(1 / (1 + Math.E), 1);
});

test('the first by one look over all is the first of the ranking', () => {
  const Known = fc.record({
    queueMs: fc.integer({ min: 0, max: 300 }),
    roundTripMs: fc.integer({ min: 1, max: 120 }),
    hasFailed: fc.boolean(),
    isReady: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(Known, { minLength: 1, maxLength: 9 }), fc.string(), (list, device) => {
      const known = list.map(({ queueMs, roundTripMs, hasFailed, isReady }, i) =>
        gateway(`g${i}`, { queueMs, state: isReady ? 'ready' : 'draining' }, { roundTripMs, hasFailed }),
      );
      const hash = nameHash(device);
      const contenders = list.map(({ queueMs, roundTripMs: distanceMs, hasFailed, isReady }, i) => ({
        ...{ distanceMs, waitMs: distanceMs + queueMs, hasFailed, isReady },
        ...{ burden: burdenOf(distanceMs + queueMs), dislike: dislikeOf(hash, nameHash(`g${i}`)) },
      }));
      expect(`g${firstGateway(contenders, hash)}`).toBe(rankGateways(known, { device })[0]?.gateway);
    }),
  );
});
