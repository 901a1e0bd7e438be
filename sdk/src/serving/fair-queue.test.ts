import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFairQueue, type Queued } from './fair-queue.ts';

const ONE = { maxSize: 1, mayJoin: () => true };

function job(tenant: string, deadlineAtMs: number, costMs = 10): Queued {
  return { tenant, deadlineAtMs, costMs };
}

describe('the fair queue', () => {
  it('takes the earliest deadline of a tenant first', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 50 })), (deadlines) => {
        const queue = createFairQueue();
        for (const at of deadlines) queue.push(job('a', at));
        const taken = deadlines.flatMap(() => queue.takeBatch(ONE).map(({ deadlineAtMs }) => deadlineAtMs));
        expect(taken).toEqual(deadlines.toSorted((a, b) => a - b));
        expect([queue.length, queue.costMs]).toEqual([0, 0]);
      }),
    );
  });

  it('parts the runtime by shares, whoever sends more', () => {
    const queue = createFairQueue((tenant) => (tenant === 'large' ? 3 : 1));
    for (let i = 0; i < 1000; i++) queue.push(job('noisy', i));
    for (let i = 0; i < 100; i++) queue.push(job('large', 1000 + i));
    const first = Array.from({ length: 40 }, () => queue.takeBatch(ONE)[0]?.tenant);
    expect(first.filter((tenant) => tenant === 'large')).toHaveLength(30);
  });

  it('lets nobody save up what it did not use', () => {
    const queue = createFairQueue();
    for (let i = 0; i < 100; i++) queue.push(job('a', i));
    for (let i = 0; i < 50; i++) queue.takeBatch(ONE);
    for (let i = 0; i < 50; i++) queue.push(job('late', i));
    const next = Array.from({ length: 20 }, () => queue.takeBatch(ONE)[0]?.tenant);
    expect(next.filter((tenant) => tenant === 'late').length).toBeLessThanOrEqual(11);
  });

  it('fills a batch with those that may join, and loses and doubles none', () => {
    const jobs = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 1, max: 9 })), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(jobs, fc.integer({ min: 1, max: 5 }), (list, maxSize) => {
        const queue = createFairQueue();
        const pushed = list.map(([tenant, cost], i) => job(tenant, i, cost));
        for (const one of pushed) queue.push(one);
        const taken: Queued[] = [];
        while (queue.length > 0) {
          const batch = queue.takeBatch({ maxSize, mayJoin: (one, [first]) => one.costMs === first?.costMs });
          expect(batch.length).toBeGreaterThan(0);
          expect(batch.length).toBeLessThanOrEqual(maxSize);
          expect(new Set(batch.map(({ costMs }) => costMs)).size).toBe(1);
          taken.push(...batch);
        }
        expect(new Set(taken).size).toBe(pushed.length);
        expect(taken).toHaveLength(pushed.length);
      }),
    );
  });
});

it('joins those that are nearest first, where nearness counts', () => {
  const queue = createFairQueue<Queued & { readonly at: number }>();
  for (const [deadlineAtMs, at] of [
    [1, 5],
    [2, 9],
    [3, 5],
    [4, 1],
    [5, 6],
  ] as const)
    queue.push({ tenant: 't', costMs: 1, deadlineAtMs, at });
  const rule = {
    mayJoin: () => true,
    distance: (a: { at: number }, b: { at: number }) => Math.abs(a.at - b.at),
  };
  expect(queue.takeBatch({ ...rule, maxSize: 3 }).map(({ at }) => at)).toEqual([5, 5, 6]);
  expect(queue.takeBatch({ ...rule, maxSize: 3 }).map(({ at }) => at)).toEqual([9, 1]);
});
