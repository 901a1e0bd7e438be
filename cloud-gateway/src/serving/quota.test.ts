import { expect, it } from 'vitest';
import { createTenants } from './quota.ts';

const clock = { atMs: 0, nowMs: () => clock.atMs, sleep: async () => {} };

it('knows devices by their names, the first pattern that fits', () => {
  const tenants = createTenants(
    [
      { name: 'plant', devices: 'plant-*', share: 2 },
      { name: 'dots', devices: 'a.b' },
    ],
    clock,
  );
  expect(['plant-1', 'a.b', 'axb', 'other'].map(tenants.tenantOf)).toEqual([
    'plant',
    'dots',
    'default',
    'default',
  ]);
  expect([tenants.shareOf('plant'), tenants.shareOf('default')]).toEqual([2, 1]);
});

it('refuses what is over a quota, and says when to come again', () => {
  const tenants = createTenants([{ name: 't', devices: '*', maxInHand: 2, requestsPerSecond: 4 }], clock);
  const leave = tenants.enter('t');
  tenants.enter('t');
  expect(() => tenants.enter('t')).toThrow(expect.objectContaining({ code: 'overloaded', retriable: true }));
  for (let i = 0; i < 2; i++) leave();
  tenants.enter('t')();
  tenants.enter('t')();
  expect(() => tenants.enter('t')).toThrow(
    expect.objectContaining({ code: 'overloaded', retryAfterMs: 250 }),
  );
  clock.atMs += 250;
  tenants.enter('t');
});
