import type { Clock } from '@cutpoint/sdk';
import { describe, expect, it } from 'vitest';
import { createWorkQueue } from './work-queue.ts';

describe('work queue', () => {
  it('runs jobs one at a time, in the order of their turns', async () => {
    const { queue } = setUp();
    const seen: string[] = [];
    const job = (name: string) => async () => {
      seen.push(`${name} starts`);
      await Promise.resolve();
      seen.push(`${name} ends`);
    };
    await Promise.all(['a', 'b'].map((name) => queue.admit(ANY).run(job(name))));
    expect(seen).toEqual(['a starts', 'a ends', 'b starts', 'b ends']);
  });

  it('measures the time in the queue, not the time of the job', async () => {
    const { queue, pass } = setUp();
    const first = queue.admit(ANY).run(async () => pass(30));
    const second = queue.admit(ANY).run(async () => pass(50));
    expect((await first).queueMs).toBe(0);
    expect((await second).queueMs).toBe(30);
  });

  it('refuses a request that cannot be answered before its deadline', () => {
    const { queue } = setUp();
    queue.admit({ costMs: 80, deadlineMs: 100 });
    expect(queue.expectedWaitMs).toBe(80);
    expect(() => queue.admit({ costMs: 30, deadlineMs: 100 })).toThrow(
      expect.objectContaining({ code: 'overloaded' }),
    );
    expect(() => queue.admit({ costMs: 20, deadlineMs: 100 })).not.toThrow();
  });

  it('refuses what exceeds its length, and has room again when a place is left', () => {
    const { queue } = setUp({ maxQueued: 1 });
    const ticket = queue.admit(ANY);
    expect(() => queue.admit(ANY)).toThrow(/limit is 1/);
    ticket.leave();
    ticket.leave();
    expect(queue.length).toBe(0);
    expect(() => queue.admit(ANY)).not.toThrow();
  });

  it('goes on after a job that fails', async () => {
    const { queue } = setUp();
    const failing = queue.admit(ANY).run(() => Promise.reject(new Error('broken')));
    const next = queue.admit(ANY).run(async () => 'done');
    await expect(failing).rejects.toThrow('broken');
    expect((await next).value).toBe('done');
    expect(queue.length).toBe(0);
  });

  it('does not start a job whose request was given up', async () => {
    const { queue } = setUp();
    const signal = AbortSignal.abort();
    let hasRun = false;
    const run = queue.admit(ANY).run(async () => {
      hasRun = true;
    }, signal);
    await expect(run).rejects.toMatchObject({ code: 'aborted' });
    expect(hasRun).toBe(false);
  });
});

const ANY = { costMs: 1, deadlineMs: 1_000 };

function setUp({ maxQueued = 8 }: { maxQueued?: number } = {}) {
  let nowMs = 0;
  const clock: Clock = { nowMs: () => nowMs, sleep: () => Promise.resolve() };
  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { queue: createWorkQueue({ clock, maxQueued }), pass };
}
