import type { Reference } from '@cutpoint/sdk/gateway';
import { describe, expect, it } from 'vitest';
import { createReferenceCache } from './reference-cache.ts';

const OWNER = { device: 'camera', digest: 'd', cut: 'c', tensor: 'x' };

describe('the cache of references', () => {
  it('finds what was kept for the same device, model, cut and tensor, and for no other', () => {
    const { cache } = makeCache();
    cache.keep(OWNER, reference('a'));
    expect(cache.find(OWNER, 'a')?.id).toBe('a');
    for (const other of [{ device: 'b' }, { digest: 'e' }, { cut: 'k' }, { tensor: 'y' }]) {
      expect(cache.find({ ...OWNER, ...other }, 'a')).toBeUndefined();
    }
  });

  it('drops the one unused the longest when a tensor has too many', () => {
    const { cache } = makeCache({ maxPerTensor: 2 });
    for (const id of ['a', 'b']) cache.keep(OWNER, reference(id));
    cache.find(OWNER, 'a');
    cache.keep(OWNER, reference('c'));
    expect(['a', 'b', 'c'].map((id) => cache.find(OWNER, id)?.id)).toEqual(['a', undefined, 'c']);
  });

  it('stays within its bytes, whoever sends, and keeps nothing that is larger than all of them', () => {
    const { cache } = makeCache({ maxBytes: 250 });
    for (let device = 0; device < 50; device++) {
      cache.keep({ ...OWNER, device: `d${device}` }, reference('a', 100));
      expect(cache.bytes).toBeLessThanOrEqual(250);
    }
    cache.keep(OWNER, reference('big', 251));
    expect(cache.find(OWNER, 'big')).toBeUndefined();
    expect(cache.bytes).toBe(200);
  });

  it('forgets what nobody has used for a while, and counts one that comes twice once', () => {
    const { cache, clock } = makeCache({ maxAgeMs: 1000 });
    cache.keep(OWNER, reference('a', 10));
    cache.keep(OWNER, reference('a', 10));
    expect(cache.bytes).toBe(10);
    clock.ms = 900;
    expect(cache.find(OWNER, 'a')).toBeDefined();
    clock.ms = 1800;
    expect(cache.find(OWNER, 'a')).toBeDefined();
    clock.ms = 2801;
    expect(cache.find(OWNER, 'a')).toBeUndefined();
    expect(cache.bytes).toBe(0);
  });
});

function makeCache(limits: { maxBytes?: number; maxPerTensor?: number; maxAgeMs?: number } = {}) {
  const clock = { ms: 0, nowMs: () => clock.ms, sleep: () => Promise.resolve() };
  return { cache: createReferenceCache({ clock, ...limits }), clock };
}

function reference(id: string, bytes = 4): Reference {
  const symbols = new Uint8Array(bytes);
  return { id, numberFormat: 2, type: 'float32', dims: [bytes], parameters: new Uint8Array(8), symbols };
}
