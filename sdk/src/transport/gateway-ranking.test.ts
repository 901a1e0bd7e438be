import { expect, test } from 'vitest';
import { type KnownGateway, rankGateways } from './gateway-ranking.ts';

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
  rankGateways(known, region).map((one) => one.gateway);

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
