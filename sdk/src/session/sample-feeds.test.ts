import { describe, expect, it } from 'vitest';
import { sampleFeeds } from './sample-feeds.ts';

describe('sampleFeeds', () => {
  it('gives the same numbers each time, not all alike, with one row in an open batch', () => {
    const inputs = [{ name: 'x', type: 'float32', shape: ['batch', 100] }] as const;
    const [one, two] = [sampleFeeds(inputs, {}), sampleFeeds(inputs, {})];
    expect(one).toEqual(two);
    expect(one?.x?.dims).toEqual([1, 100]);
    expect(new Set(one?.x?.data as Float32Array).size).toBeGreaterThan(90);
  });

  it('keeps integers small enough to index into any table', () => {
    const feeds = sampleFeeds([{ name: 'ids', type: 'int64', shape: [50] }], {});
    expect(new Set(feeds?.ids?.data as BigInt64Array)).toEqual(new Set([0n, 1n]));
  });

  it('gives finite halves', () => {
    const feeds = sampleFeeds([{ name: 'h', type: 'float16', shape: [50] }], {});
    for (const half of feeds?.h?.data as Uint16Array) expect(half & 0x7c00).toBeLessThan(0x7c00);
  });

  it('gives none where more than the batch is open, unless a shape is said', () => {
    const inputs = [{ name: 'x', type: 'float32', shape: ['n', 3, 'height', ''] }] as const;
    expect(sampleFeeds(inputs, {})).toBeUndefined();
    expect(sampleFeeds(inputs, { x: [1, 3, 4, 4] })?.x?.dims).toEqual([1, 3, 4, 4]);
  });

  it('gives none of gigabytes', () => {
    const inputs = [{ name: 'x', type: 'float32', shape: [1 << 20, 1 << 20] }] as const;
    expect(sampleFeeds(inputs, {})).toBeUndefined();
  });
});
