import { describe, expect, it } from 'vitest';
import type { Clock } from '../clock.ts';
import { createPace } from './pace.ts';

/** Time that only sleeping moves. */
function playedClock(): Clock {
  let nowMs = 0;
  return {
    nowMs: () => nowMs,
    sleep: async (ms) => {
      nowMs += ms;
    },
  };
}

describe('a pace', () => {
  it('runs the stages of a lane one after the other, and each time is its own', async () => {
    const clock = playedClock();
    const pace = createPace(clock, 3);
    const order: string[] = [];
    const work = (name: string) => async () => {
      order.push(`${name} begins`);
      await clock.sleep(10);
      order.push(`${name} ends`);
    };
    const both = await Promise.all([pace.stage('model', work('a')), pace.stage('model', work('b'))]);
    expect(order).toEqual(['a begins', 'a ends', 'b begins', 'b ends']);
    expect(both.map(({ elapsedMs }) => elapsedMs)).toEqual([30, 30]);
  });

  it('lets the codec work while the model does', async () => {
    const pace = createPace(playedClock(), 1);
    let finish = () => {};
    const head = pace.stage('model', () => new Promise<void>((resolve) => (finish = resolve)));
    await expect(pace.stage('codec', async () => 'encoded')).resolves.toMatchObject({ value: 'encoded' });
    finish();
    await head;
  });

  it('goes on after a stage that failed, and leaves out one whose caller has gone', async () => {
    const pace = createPace(playedClock(), 1);
    const broken = pace.stage('model', () => Promise.reject(new Error('broken')));
    const gone = new AbortController();
    let ran = false;
    const left = pace.stage('model', async () => (ran = true), gone.signal);
    gone.abort(new Error('gone'));
    await expect(broken).rejects.toThrow('broken');
    await expect(left).rejects.toThrow('gone');
    expect(ran).toBe(false);
    await expect(pace.stage('model', async () => 1)).resolves.toMatchObject({ value: 1 });
  });
});
