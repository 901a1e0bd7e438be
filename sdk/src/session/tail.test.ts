import { describe, expect, it } from 'vitest';
import type { Announcement } from '../transport/request-client.ts';
import { findTail } from './tail.ts';

const digest = 'd'.repeat(64);
const gateway = (name: string, region?: string): Announcement => ({
  ...{ v: 1, gateway: name, state: 'ready', maxPayloadBytes: 1e6, region },
  models: [{ name: 'net', digest, cuts: [] }],
});

describe('regions', () => {
  const all = [gateway('nowhere'), gateway('far', 'us'), gateway('near', 'eu')];

  it('are a wall: a gateway elsewhere, or of no known region, is never used', () => {
    expect(findTail(all, 'net', digest, ['eu'])).toMatchObject({ gateway: 'near' });
    const { error } = findTail(all.slice(0, 2), 'net', digest, ['eu']);
    expect(error?.code).toBe('gateway-unavailable');
    expect(error?.message).toBe('gateways are in unknown, us; regions allows eu');
    expect(findTail(all, 'net', digest, []).error?.code).toBe('gateway-unavailable');
  });

  it('that nobody asked for exclude nobody', () => {
    expect(findTail(all, 'net', digest)).toMatchObject({ gateway: 'nowhere' });
  });
});
