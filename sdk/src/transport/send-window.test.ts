import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSendWindow } from './send-window.ts';

describe('the send window', () => {
  it('settles at a second of the link', () => {
    const window = createSendWindow(1 << 20);
    for (let grant = 0; grant < 20; grant++) window.credited(50_000, 100);
    expect(window.bytes).toBeCloseTo(500_000, -3);
  });

  it('shrinks on a link that has become slow, but never below one part', () => {
    const window = createSendWindow(1 << 20);
    for (let grant = 0; grant < 20; grant++) window.credited(1_000_000, 100);
    expect(window.bytes).toBe(1 << 20);
    for (let grant = 0; grant < 20; grant++) window.credited(1_000, 1_000);
    expect(window.bytes).toBe(64 * 1024);
  });

  it('stays within its bounds whatever is granted', () => {
    const grants = fc.array(fc.tuple(fc.nat(10_000_000), fc.double({ min: 0, max: 1e6, noNaN: true })));
    fc.assert(
      fc.property(grants, fc.integer({ min: 64 * 1024, max: 1 << 24 }), (list, most) => {
        const window = createSendWindow(most);
        for (const [bytes, elapsedMs] of list) {
          window.credited(bytes, elapsedMs);
          expect(window.bytes).toBeGreaterThanOrEqual(64 * 1024);
          expect(window.bytes).toBeLessThanOrEqual(most);
        }
      }),
    );
  });
});
