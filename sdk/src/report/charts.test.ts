import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { latencyChart } from './latency-chart.ts';
import { placeLabels } from './place-labels.ts';
import { STAGES, stageBars } from './stage-bars.ts';

const curves = [
  { name: 'the device alone', kind: 'device', fixedMs: 300, bytes: 0, best: [{ from: 1e4, to: 1e6 }] },
  { name: '<b>cut</b>', kind: 'split', fixedMs: 220, bytes: 10_000, best: [{ from: 1e6, to: 1e10 }] },
  { name: 'slow cut', kind: 'split', fixedMs: 900, bytes: 90_000, best: [] },
] as const;

describe('the chart of latencies', () => {
  const svg = latencyChart({
    description: 'd',
    curves,
    fromBitsPerSecond: 1e5,
    toBitsPerSecond: 1e9,
    rateText: (rate) => `${rate / 1e6} M`,
  });

  it('draws every arm thin and the best ones thick, and marks where they change', () => {
    expect(svg.match(/class="arm /g)).toHaveLength(3);
    expect(svg.match(/class="envelope /g)).toHaveLength(2);
    expect(svg.match(/<circle/g)).toHaveLength(1);
    expect(svg).toContain('>1 M</text>');
  });

  it('names what is best and what there is without cuts, escaped', () => {
    expect(svg).toContain('&lt;b&gt;cut&lt;/b&gt;');
    expect(svg).not.toMatch(/<text class="split[^>]*>slow cut/);
    expect(svg).not.toMatch(/NaN|Infinity/);
  });
});

describe('labels in a column', () => {
  it('keep their distance and stay inside, whatever places they want', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 400, noNaN: true }), { maxLength: 20 }), (wanted) => {
        const placed = placeLabels(wanted, { gap: 16, least: 0, most: 400 }).toSorted((a, b) => a - b);
        for (const [i, place] of placed.entries()) {
          expect(place).toBeGreaterThanOrEqual(-1e-9);
          expect(place).toBeLessThanOrEqual(400);
          if (i > 0) expect(place - (placed[i - 1] ?? 0)).toBeGreaterThanOrEqual(16 - 1e-9);
        }
      }),
    );
  });
});

describe('bars of stages', () => {
  const ms = Object.fromEntries(STAGES.map((stage, index) => [stage, index * 10])) as never;
  const none = Object.fromEntries(STAGES.map((stage) => [stage, stage === 'head' ? 2000 : 0])) as never;

  it('have a piece for every stage that takes time, and run out at the right where they are far longer', () => {
    const bars = [
      { name: 'all', ms, isBest: true },
      { name: 'long', ms: none, isBest: false },
    ];
    const svg = stageBars({ description: 'd', groups: [{ heading: 'at 1 Mbit/s', bars }] });
    expect(svg.match(/<title>/g)).toHaveLength(STAGES.length - 1 + 1);
    expect(svg).toContain('>280 ms</text>');
    expect(svg).toContain('» 2000 ms');
  });
});
