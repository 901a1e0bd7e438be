import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readTrace } from './trace-file.ts';
import { createTraceLink } from './trace-link.ts';

describe('readTrace', () => {
  it('reads seconds and Mbit/s, and skips remarks', () => {
    expect(readTrace('# bus\n0 1.5\n\n2.5\t0 # tunnel\n')).toEqual([
      { atMs: 0, bitsPerSecond: 1.5e6 },
      { atMs: 2500, bitsPerSecond: 0 },
    ]);
  });

  it.each([
    ['0 1\n0 2\n', 'trace, line 2: 0 s is not after the line before, 0 s'],
    ['0 1\n1\n', "trace, line 2: '1' is not two numbers; expected 'seconds Mbit/s'"],
    ['0 1\n1 -4\n', 'trace, line 2: -4 Mbit/s; expected 0 to 1000000'],
    ['x 1\n', 'trace, line 1: x is no number of seconds'],
    ['0 1\n', 'trace: 1 samples; expected 2 or more'],
    ['0 0\n1 0\n', 'trace: every rate is 0; expected one above it'],
  ])('refuses %j', (text, message) => {
    expect(() => readTrace(text)).toThrow(expect.objectContaining({ code: 'options-invalid', message }));
  });
});

describe('a link that plays a trace', () => {
  const samples = readTrace('0 8\n1 0\n2 4\n'); // 1,000 bytes a millisecond, none, 500

  it('takes what each rate on the way needs, and stands still where there is none', () => {
    const link = createTraceLink(samples);
    expect(link.finishMs(0, 500_000)).toBeCloseTo(500, 6);
    expect(link.finishMs(500, 750_000)).toBeCloseTo(2500, 6);
    expect(link.durationMs).toBeCloseTo(3000, 6);
    expect(link.finishMs(2900, 150_000)).toBeCloseTo(3100, 6);
  });

  it('carries exactly the bytes that the rates allow, wherever the transfer begins', () => {
    const rates = fc.array(fc.double({ min: 0.1, max: 50, noNaN: true }), { minLength: 2, maxLength: 8 });
    fc.assert(
      fc.property(
        rates,
        fc.double({ min: 0, max: 9000, noNaN: true }),
        fc.integer({ min: 1, max: 1e6 }),
        (list, startMs, bytes) => {
          const link = createTraceLink(
            list.map((mbps, i) => ({ atMs: i * 1000, bitsPerSecond: mbps * 1e6 })),
          );
          const endMs = link.finishMs(startMs, bytes);
          const half = link.finishMs(startMs, bytes / 2);
          expect(link.finishMs(half, bytes / 2)).toBeCloseTo(endMs, 3);
          const steps = 2000;
          const stepMs = (endMs - startMs) / steps;
          let bits = 0;
          for (let i = 0; i < steps; i++)
            bits += (link.bitsPerSecondAt(startMs + (i + 0.5) * stepMs) * stepMs) / 1000;
          expect(bits / (bytes * 8)).toBeGreaterThan(0.9);
          expect(bits / (bytes * 8)).toBeLessThan(1.1);
        },
      ),
      { numRuns: 60 },
    );
  });
});
