import { expect, test } from 'vitest';
import { type CachedJob, createReplyCache } from './reply-cache.ts';

test('the oldest answers go when there are too many bytes, their requests stay known', () => {
  const cache = createReplyCache<Job>({ maxBytes: 25 });
  const jobs = ['a', 'b', 'c'].map((key) => added(cache, key));
  for (const job of jobs) cache.answered(job);
  expect(jobs.map(({ keptBytes }) => keptBytes)).toEqual([0, 10, 10]);
  expect(cache.get('a')).toBe(jobs[0]);
});

test('requests are forgotten by age and number, but not while they run', () => {
  const cache = createReplyCache<Job>({ maxJobs: 3, maxAgeMs: 100 });
  const running = makeJob(false);
  cache.add('running', running, 0);
  added(cache, 'done', 0);
  added(cache, 'new', 100);
  expect(cache.get('running')).toBe(running);
  expect(cache.get('done')).toBeUndefined();
  for (const key of ['x', 'y', 'z']) added(cache, key, 150);
  expect(['running', 'new', 'x', 'y', 'z'].filter((key) => cache.get(key))).toEqual(['running', 'y', 'z']);
});

type Job = CachedJob & { keptBytes: number };

function makeJob(isDone: boolean): Job {
  return {
    keptBytes: 10,
    isDone,
    dropAnswer() {
      this.keptBytes = 0;
    },
  };
}

function added(cache: ReturnType<typeof createReplyCache<Job>>, key: string, atMs = 0): Job {
  const job = makeJob(true);
  cache.add(key, job, atMs);
  return job;
}
