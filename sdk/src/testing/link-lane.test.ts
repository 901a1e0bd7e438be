import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Lane } from './link-lane.ts';
import { seededRandom } from './random.ts';

/** Takes until nothing is under way; when each byte arrived, by flow. */
function drain(lane: Lane<string>): { flow: string; byte: number; atMs: number }[] {
  const arrived: { flow: string; byte: number; atMs: number }[] = [];
  for (let atMs = lane.nextMs(); atMs !== undefined; atMs = lane.nextMs()) {
    for (const { flow, parcel } of lane.take(atMs)) {
      if (typeof parcel === 'string') continue;
      for (const byte of parcel) arrived.push({ flow, byte, atMs: atMs as number });
    }
  }
  return arrived;
}

const lane = (options: ConstructorParameters<typeof Lane>[0]) => new Lane<string>(options, seededRandom(1));

describe('a lane', () => {
  it('takes the time that the rate says, and the delay once', () => {
    const link = lane({ bitsPerSecond: 8e6, delayMs: 30 }); // 1,000 bytes a millisecond
    link.push('a', new Uint8Array(100_000), 0);
    const arrived = drain(link);
    expect(arrived.length).toBe(100_000);
    expect(arrived.at(-1)?.atMs).toBeCloseTo(130, 6);
    expect(arrived[0]?.atMs).toBeCloseTo(31.46, 6); // a slice of 1,460 bytes
  });

  it('delivers every byte of every flow in order, at any rate, delay and jitter', () => {
    const pushes = fc.array(fc.record({ flow: fc.constantFrom('a', 'b', 'c'), bytes: fc.nat(5000) }), {
      maxLength: 20,
    });
    const options = fc.record({
      bitsPerSecond: fc.integer({ min: 1e5, max: 1e9 }),
      delayMs: fc.nat(50),
      jitterMs: fc.nat(50),
      queueMs: fc.integer({ min: 1, max: 100 }),
    });
    fc.assert(
      fc.property(pushes, options, (list, given) => {
        const link = lane(given);
        const sent: Record<string, number[]> = {};
        for (const [index, { flow, bytes }] of list.entries()) {
          const data = Uint8Array.from({ length: bytes }, (_, at) => index * 31 + at);
          sent[flow] = [...(sent[flow] ?? []), ...data];
          link.push(flow, data, index);
        }
        const arrived = drain(link);
        for (const [flow, bytes] of Object.entries(sent)) {
          expect(arrived.filter((item) => item.flow === flow).map((item) => item.byte)).toEqual(bytes);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('lets a small flow pass a big one after at most the queue, and holds the big one back', () => {
    const link = lane({ bitsPerSecond: 8e6, queueMs: 20 });
    link.push('big', new Uint8Array(1_000_000), 0);
    link.push('small', new Uint8Array(100), 0);
    expect(link.isFull('big')).toBe(true);
    const small = drain(link).find((item) => item.flow === 'small');
    expect(small?.atMs).toBeGreaterThan(19);
    expect(small?.atMs).toBeLessThan(25);
  });

  it('sends what waits at a new rate as soon as it is set', () => {
    const link = lane({ bitsPerSecond: 8e6 });
    link.push('a', new Uint8Array(100_000), 0);
    link.take(50);
    link.configure({ bitsPerSecond: 80e6 }, 50);
    // The slice under way at that moment ends at the old rate.
    const endMs = drain(link).at(-1)?.atMs;
    expect(endMs).toBeGreaterThanOrEqual(55);
    expect(endMs).toBeLessThan(56.5);
  });

  it('stands still during a blackout and loses nothing', () => {
    const link = lane({ bitsPerSecond: 8e6, delayMs: 10 });
    link.push('a', new Uint8Array(100_000), 0);
    const before = link.take(40).length;
    link.configure({ blackout: true }, 40);
    expect([before > 0, link.take(5000).length, link.nextMs()]).toEqual([true, 0, undefined]);
    link.configure({ blackout: false }, 5040);
    expect(drain(link).at(-1)?.atMs).toBeCloseTo(5110, 6);
  });

  it('loses no rate to a caller who is late', () => {
    const link = lane({ bitsPerSecond: 8e6, queueMs: 1000 });
    link.push('a', new Uint8Array(300_000), 0);
    const bytes = link.take(200).reduce((sum, { parcel }) => sum + parcel.length, 0);
    expect(bytes).toBeGreaterThan(198_000);
    expect(bytes).toBeLessThanOrEqual(200_000);
  });

  it('varies the delay by the seed', () => {
    const times = (seed: number) => {
      const link = new Lane<string>({ delayMs: 50, jitterMs: 20 }, seededRandom(seed));
      for (let at = 0; at < 10; at++) link.push('a', Uint8Array.of(at), at * 100);
      return drain(link).map(({ atMs, byte }) => atMs - byte * 100);
    };
    expect(times(1)).toEqual(times(1));
    expect(times(1)).not.toEqual(times(2));
    for (const ms of times(3)) expect(Math.abs(ms - 50)).toBeLessThan(20.1);
  });

  it.each([
    { bitsPerSecond: 0 },
    { delayMs: -1 },
    { jitterMs: Number.NaN },
    { queueMs: 0 },
  ])('refuses %o', (options) => {
    expect(() => lane(options)).toThrow(expect.objectContaining({ code: 'options-invalid' }));
  });
});
