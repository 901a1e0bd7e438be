import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createAnnouncementPace } from './announcement-pace.ts';

const SHORTEST_MS = 5_000;
const LONGEST_MS = 30_000;

const body = (queueMs: number, more: object = {}) =>
  ({ state: 'ready', models: [], maxPayloadBytes: 1, queueMs, ...more }) as const;

/** Looks every 5 s at what is to be said. @returns what was said, when, and what was promised of the next time */
function play(bodies: readonly ReturnType<typeof body>[]) {
  const pace = createAnnouncementPace({ shortestMs: SHORTEST_MS, longestMs: LONGEST_MS });
  const said: { readonly look: number; readonly everyMs: number }[] = [];
  bodies.forEach((now, look) => {
    if (!pace.isDue(now, look * SHORTEST_MS)) return;
    pace.said(now, look * SHORTEST_MS);
    said.push({ look, everyMs: pace.everyMs });
  });
  return said;
}

test('what stays the same is said ever more seldom, and what is new at once', () => {
  const still = Array.from({ length: 16 }, () => body(3));
  const said = play([...still, body(400), body(390), body(410), body(400, { region: 'eu' })]);
  expect(said.map(({ look }) => look)).toEqual([0, 1, 3, 7, 13, 16, 17, 19]);
  expect(said.map(({ everyMs }) => everyMs)).toEqual([
    ...[5_000, 10_000, 20_000, 30_000, 30_000],
    ...[5_000, 10_000, 5_000],
  ]);
});

test('it comes again when it was promised to, and nobody goes by a queue that has become another', () => {
  const queues = fc.array(fc.oneof(fc.constant(0), fc.double({ min: 0, max: 2_000, noNaN: true })), {
    minLength: 20,
    maxLength: 60,
  });
  fc.assert(
    fc.property(queues, (waits) => {
      const said = play(waits.map((queueMs) => body(queueMs)));
      for (const [i, { look, everyMs }] of said.entries()) {
        const next = said[i + 1]?.look ?? waits.length;
        expect((Math.min(next, waits.length - 1) - look) * SHORTEST_MS).toBeLessThanOrEqual(everyMs);
        const then = waits[look] as number;
        for (const now of waits.slice(look, next))
          expect(Math.abs(now - then)).toBeLessThan(50 + 0.2 * Math.max(now, then));
      }
    }),
  );
});
