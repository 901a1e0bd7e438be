import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createLinkEstimate, type LinkEstimate } from './link-estimate.ts';

const ROUND_TRIP_MS = 20;

/** The bare time of a message, `lateMs` more than the quickest way takes. */
function pushTime(
  link: LinkEstimate,
  sent: { bytes: number; bitsPerSecond: number; lateMs: number; atMs?: number },
): void {
  const { bytes, bitsPerSecond, lateMs, atMs = 0 } = sent;
  const uplinkMs = ROUND_TRIP_MS / 2 + (bytes * 8000) / bitsPerSecond + lateMs;
  link.push({ atMs, sentBytes: bytes, uplinkMs, receivedBytes: 100, downlinkMs: ROUND_TRIP_MS / 2 });
}

function linkOf(bitsPerSecond: number, spreadMs: number): LinkEstimate {
  const link = createLinkEstimate();
  link.pushRoundTrip(ROUND_TRIP_MS, spreadMs);
  const long = { sentBytes: 800_000, uplinkMs: 6_400e6 / bitsPerSecond };
  link.push({
    ...{ atMs: 0, receivedBytes: 100, downlinkMs: ROUND_TRIP_MS / 2 },
    ...{ ...long, uplinkBitsPerSecond: bitsPerSecond },
  });
  return link;
}

const uplinkOf = (link: LinkEstimate): number => link.at(0).uplinkBitsPerSecond;

it('short messages never make a link seem faster than it is, however the way varies', () => {
  const share = fc.double({ min: -0.5, max: 2, noNaN: true });
  fc.assert(
    fc.property(
      fc.integer({ min: 1e6, max: 5e6 }),
      fc.double({ min: 0, max: 100, noNaN: true }),
      fc.array(fc.tuple(fc.integer({ min: 100, max: 1_200 }), share), { maxLength: 40 }),
      (bitsPerSecond, spreadMs, messages) => {
        const link = linkOf(bitsPerSecond, spreadMs);
        for (const [bytes, late] of messages)
          pushTime(link, { bytes, bitsPerSecond, lateMs: late * spreadMs });
        expect(uplinkOf(link)).toBeLessThanOrEqual(bitsPerSecond * (1 + 1e-9));
      },
    ),
  );
});

it('a first kilobyte shows the rate where the way is even, and leaves hope where it varies by more than that takes', () => {
  const rateAfter = (spreadMs: number) => {
    const link = createLinkEstimate();
    link.pushRoundTrip(ROUND_TRIP_MS, spreadMs);
    pushTime(link, { bytes: 1_000, bitsPerSecond: 1e6, lateMs: spreadMs / 2 });
    return uplinkOf(link);
  };
  expect(rateAfter(0)).toBeCloseTo(1e6);
  expect(rateAfter(1)).toBeGreaterThan(1e6);
  expect(rateAfter(1)).toBeLessThan(1.2e6);
  expect(rateAfter(20)).toBe(20e6);
});

it('a message that was late counts for less the more the way varies', () => {
  const rateAfter = (spreadMs: number) => {
    const link = linkOf(5e6, spreadMs);
    pushTime(link, { bytes: 3_000, bitsPerSecond: 5e6, lateMs: 20 + spreadMs / 2 });
    return uplinkOf(link);
  };
  const rates = [0, 10, 20, 40].map(rateAfter);
  expect(rates).toEqual(rates.toSorted((a, b) => a - b));
  expect(rates[0]).toBeLessThan(1.5e6);
  expect(rates[3]).toBeGreaterThan(2.5e6);
});

it('a short message counts as learnt only where it tells more than the way varies', () => {
  const learntAfter = (spreadMs: number) => {
    const link = linkOf(5e6, spreadMs);
    pushTime(link, { bytes: 1_000, bitsPerSecond: 4e6, lateMs: spreadMs / 2, atMs: 20_000 });
    return link.learntAtMs();
  };
  expect(learntAfter(0)).toBe(20_000);
  expect(learntAfter(5)).toBe(0);
});
