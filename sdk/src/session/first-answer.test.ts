import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SplitError } from '../errors.ts';
import { firstAnswer } from './first-answer.ts';

type Way = { readonly afterMs: number; readonly ends: 'answer' | 'error' };

const LATE = new SplitError('deadline-exceeded', 'late');
const BROKEN = new SplitError('broker-unreachable', 'broken');
const NO_MEANS = new SplitError('runtime-failed', 'no means');

/** Steps of a clock that nobody has to wait for: everything due is done, the earliest first. */
function playedClock() {
  const due: { atMs: number; resolve: () => void }[] = [];
  let nowMs = 0;
  return {
    nowMs: () => nowMs,
    after: (ms: number) => new Promise<void>((resolve) => due.push({ atMs: nowMs + ms, resolve })),
    async play() {
      const settle = () => new Promise((resolve) => setImmediate(resolve));
      for (await settle(); due.length > 0; await settle()) {
        due.sort((a, b) => a.atMs - b.atMs);
        const next = due.shift();
        nowMs = next?.atMs ?? nowMs;
        next?.resolve();
      }
    },
  };
}

async function race(cloud: Way, lateAfterMs: number, device: Way, isAllowed = true) {
  const clock = playedClock();
  const fired: string[] = [];
  let begunAtMs: number | undefined;
  const go = async (name: string, { afterMs, ends }: Way, signal: AbortSignal, error: SplitError) => {
    signal.addEventListener('abort', () => fired.push(name));
    await clock.after(afterMs);
    if (ends === 'error') throw error;
    return `${name} at ${clock.nowMs()}`;
  };
  const ended = firstAnswer({
    cloud: (signal) => go('cloud', cloud, signal, BROKEN),
    late: () => clock.after(lateAfterMs).then(() => LATE),
    mayGoOn: () => isAllowed,
    device: (_, signal) => {
      begunAtMs = clock.nowMs();
      return go('device', device, signal, NO_MEANS);
    },
  }).catch((error: unknown) => (error as SplitError).code);
  await clock.play();
  return { end: await ended, begunAtMs, fired };
}

describe('the first answer', () => {
  it('is the cloud’s where it comes in time, and the device does nothing', async () => {
    const { end, begunAtMs } = await race({ afterMs: 5, ends: 'answer' }, 10, { afterMs: 1, ends: 'answer' });
    expect([end, begunAtMs]).toEqual(['cloud at 5', undefined]);
  });

  it('is the cloud’s error where the device may not go on', async () => {
    expect((await race({ afterMs: 5, ends: 'error' }, 10, { afterMs: 1, ends: 'answer' }, false)).end).toBe(
      'broker-unreachable',
    );
  });

  it('is whichever comes first once the cloud is late or has failed, and tells the other', async () => {
    const way = fc.record({
      afterMs: fc.integer({ min: 0, max: 60 }).map((ms) => 2 * ms),
      ends: fc.constantFrom('answer' as const, 'error' as const),
    });
    await fc.assert(
      fc.asyncProperty(way, fc.integer({ min: 0, max: 60 }), way, async (cloud, half, device) => {
        // Odd, so that it never falls together with the cloud's end.
        const lateAfterMs = 2 * half + 1;
        const { end, begunAtMs, fired } = await race(cloud, lateAfterMs, {
          ...device,
          afterMs: device.afterMs + 1,
        });
        const inTime = cloud.ends === 'answer' && cloud.afterMs < lateAfterMs;
        if (inTime) {
          expect([end, begunAtMs]).toEqual([`cloud at ${cloud.afterMs}`, undefined]);
          return;
        }
        const beginMs = Math.min(lateAfterMs, cloud.afterMs);
        expect(begunAtMs).toBe(beginMs);
        const deviceMs = beginMs + device.afterMs + 1;
        const times = [
          ...(cloud.ends === 'answer' ? [{ ms: cloud.afterMs, end: `cloud at ${cloud.afterMs}` }] : []),
          ...(device.ends === 'answer' ? [{ ms: deviceMs, end: `device at ${deviceMs}` }] : []),
        ].toSorted((a, b) => a.ms - b.ms);
        if (times.length === 2 && times[0]?.ms === times[1]?.ms)
          expect(times.map((time) => time.end)).toContain(end);
        else expect(end).toBe(times[0]?.end ?? 'runtime-failed');
        expect(fired.toSorted()).toEqual(['cloud', 'device']);
      }),
      { numRuns: 200 },
    );
  });
});
