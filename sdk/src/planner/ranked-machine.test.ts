import { expect, it } from 'vitest';
import type { Profile, Timing } from './profile.ts';
import { ASSUMED_COLLECTIVES, profileOnRanks } from './ranked-machine.ts';

const timing = (medianMs: number): Timing => ({ medianMs, spreadMs: 0, runs: 5, isGuess: false });

function profileOf(wholeMs: number, tails: readonly number[] = []): Profile {
  const cuts = tails.map((tailMs, i) => ({
    ...{ id: `${i}`, name: '', depth: 0.5, head: timing(1), tail: timing(tailMs) },
  }));
  return { device: 'a server', whole: timing(wholeMs), cuts } as unknown as Profile;
}

it('adds to each tail the collectives of the segments behind its cut, and calls the time a guess', () => {
  const segments = [
    { count: 1, bytes: 0 },
    { count: 2, bytes: 3000 },
    { count: 0, bytes: 0 },
  ];
  const cost = { collectiveMs: 2, bytesPerMs: 1000 };
  const ranked = profileOnRanks(profileOf(20, [10, 5]), { ranks: 2, cuts: ['0', '1'], segments, cost });
  expect(ranked.device).toBe('a server, on 2 ranks');
  expect(ranked.whole).toMatchObject({ medianMs: 20 + 6 + 3, isGuess: true });
  expect(ranked.cuts.map(({ tail }) => tail.medianMs)).toEqual([10 + 4 + 3, 5]);
  expect(ranked.cuts.map(({ head }) => head)).toEqual([timing(1), timing(1)]);
});

// As docs/benchmarks.md has them: whole on one, and on two with copies and collectives; bytes as segmentCollectives counts them.
it.each([
  { model: 'BERT-base', count: 26, bytes: 38_937_600, aloneMs: 3.12, rankedMs: 45.2 },
  { model: 'VGG-16', count: 8, bytes: 61_091_552, aloneMs: 2.33, rankedMs: 38.3 },
  { model: 'ResNet-50', count: 32, bytes: 115_621_504, aloneMs: 2.66, rankedMs: 92.6 },
])('assumes of $model what two H100s took', ({ count, bytes, aloneMs, rankedMs }) => {
  const about = { ranks: 2, cuts: [], segments: [{ count, bytes }], cost: ASSUMED_COLLECTIVES };
  const { whole } = profileOnRanks(profileOf(aloneMs), about);
  expect(Math.abs(whole.medianMs / rankedMs - 1)).toBeLessThan(0.06);
});
