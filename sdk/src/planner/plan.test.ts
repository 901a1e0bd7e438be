import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lineAt, msPerByte } from './envelope.ts';
import { explainPlan } from './explain.ts';
import { makePlan, type PlanRequest, planText } from './plan.ts';
import { readPlan } from './plan-file.ts';
import { lookUp } from './plan-map.ts';
import { armLine } from './planned-arm.ts';
import { type Profile, readProfile } from './profile.ts';
import { armsFromProfiles } from './profile-arms.ts';

const CUT = 'a'.repeat(16);

/** A model of 300 ms on the device, ten times faster in the cloud; its cut is in the middle. */
function profile(device: string, wholeMs: number): Profile {
  const timing = (medianMs: number) => ({ medianMs, spreadMs: 1, runs: 15, isGuess: false });
  return readProfile({
    format: 'cutpoint-profile',
    version: 1,
    modelDigest: 'd'.repeat(64),
    device,
    provider: 'cpu',
    runtime: 'onnxruntime-node 1.30.0',
    threads: 2,
    executor: 'valve',
    measuredAt: '2026-11-22T12:00:00Z',
    pauseMs: 0,
    slowdown: 1,
    inputShapes: { x: [1, 3, 224, 224] },
    inputs: 1,
    inputSource: 'files',
    peakMemoryBytes: null,
    transfers: [],
    reply: { profile: 'float32+deflate', bytes: 1000, encodeMs: 0, decodeMs: 0 },
    whole: timing(wholeMs),
    cuts: [{ id: CUT, name: 'mixed4', depth: 0.5, head: timing(wholeMs / 2), tail: timing(wholeMs / 2) }],
  });
}

const edge = profile('a small board', 300);
const cloud = profile('a server', 30);
const arms = armsFromProfiles({
  edge,
  cloud,
  transfers: [
    { cutId: null, profile: 'image', sentBytes: 100_000, encodeMs: 0 },
    { cutId: CUT, profile: 'uint8+deflate', sentBytes: 10_000, encodeMs: 5, accuracyLoss: 0.002 },
  ],
});
const request: PlanRequest = {
  edge,
  cloud,
  arms,
  link: { roundTripMs: 20, downlinkBitsPerSecond: 8e6, queueMs: 0 },
  wish: { objective: 'latency', constraints: {} },
};

describe('makePlan', () => {
  it('gives each arm the range of links on which it is best, and where it beats device and cloud', () => {
    // Device 300. Cloud 20 + 1 + 30 + 100 kB. Cut 155 + 15 + 21 + 10 kB: they meet at 140/90000 and 109/10000 ms per byte.
    const [device, input, cut] = makePlan(request).arms;
    expect(cut?.best?.toBitsPerSecond).toBeCloseTo((8000 * 90_000) / 140, 3);
    expect(cut?.best?.fromBitsPerSecond).toBeCloseTo((8000 * 10_000) / 109, 3);
    expect(cut?.words).toBe(
      'best from 734 kbit/s to 5.1 Mbit/s; beats the device alone above 734 kbit/s; beats the cloud alone below 5.1 Mbit/s',
    );
    expect(device?.words).toBe('best below 734 kbit/s; beats the cloud alone below 3.2 Mbit/s');
    expect(input?.words).toBe('best above 5.1 Mbit/s; beats the device alone above 3.2 Mbit/s');
  });

  it('leaves arms out that the policy forbids, says by what, and fills their range with others', () => {
    const wish = { objective: 'latency', constraints: { inputs: 'stay' } } as const;
    const [, input, cut] = makePlan({ ...request, wish }).arms;
    expect(input).toMatchObject({ best: null, excludedBy: ['inputs'] });
    expect(cut?.best?.toBitsPerSecond).toBeNull();
  });

  it('refuses profiles of two models', () => {
    const other = { ...cloud, modelDigest: 'e'.repeat(64) };
    expect(() => makePlan({ ...request, cloud: other })).toThrow('the device timed model dddddddddddd');
  });

  it('says when times are guessed', () => {
    const guessed = arms.map((arm) => ({ ...arm, isGuess: true }));
    expect(makePlan({ ...request, arms: guessed }).assumptions).toContain(
      '3 of 3 arms rest on guessed times, not on measured ones.',
    );
  });
});

describe('the plan file', () => {
  it('reads back as it was written, and is the same text every time', () => {
    const plan = makePlan(request);
    expect(readPlan(JSON.parse(planText(plan)))).toEqual(plan);
    expect(planText(makePlan(request))).toBe(planText(plan));
  });

  it('is refused when anything in it was changed', () => {
    const text = planText(makePlan(request)).replace('"sentBytes": 10000', '"sentBytes": 10');
    expect(() => readPlan(JSON.parse(text))).toThrow(/plan\.hash is .* the content has/);
  });

  it.each([null, [], { format: 'cutpoint-plan', version: 2 }])('is refused when it is %j', (content) => {
    expect(() => readPlan(content)).toThrow('plan');
  });
});

describe('the map', () => {
  it('answers within its slack of the best arm for every link and load, and exactly on its levels', () => {
    const plan = makePlan(request);
    const from = Math.log(msPerByte(plan.toBitsPerSecond));
    const to = Math.log(msPerByte(plan.fromBitsPerSecond));
    fc.assert(
      fc.property(
        fc.double({ min: from, max: to, noNaN: true }),
        fc.double({ min: 1, max: 32, noNaN: true }),
        (logX, load) => {
          const [least, most] = [msPerByte(plan.toBitsPerSecond), msPerByte(plan.fromBitsPerSecond)];
          const x = Math.max(least, Math.min(Math.exp(logX), most));
          for (const cloudSlowdown of [load, plan.map[3]?.cloudSlowdown ?? 0]) {
            const found = lookUp(
              { arms: plan.arms, link: plan.link, levels: plan.map },
              { x, cloudSlowdown },
            );
            const best = Math.min(
              ...plan.arms.map((arm) => lineAt(armLine(arm, plan.link, cloudSlowdown), x)),
            );
            expect(found?.totalMs).toBeGreaterThanOrEqual(best - 1e-9);
            expect((found?.totalMs ?? Number.NaN) - (found?.slackMs ?? 0)).toBeLessThanOrEqual(best + 1e-9);
          }
        },
      ),
    );
  });

  it('has left the cloud when the cloud is slow enough', () => {
    const plan = makePlan(request);
    const at = (cloudSlowdown: number) =>
      plan.arms[
        lookUp({ arms: plan.arms, link: plan.link, levels: plan.map }, { x: msPerByte(1e8), cloudSlowdown })
          ?.index ?? -1
      ]?.id;
    expect([at(1), at(20)]).toEqual(['input/image', 'device']);
  });
});

describe('explainPlan', () => {
  it('says in three sentences what is best, against what, and until when', () => {
    expect(explainPlan(makePlan(request), { uplinkBitsPerSecond: 2e6 })).toBe(
      'At 2 Mbit/s, mixed4 as uint8+deflate is best with 231 ms: 155 ms on the device, 40 ms to send 10 kB, ' +
        '15 ms in the cloud, 21 ms round trip and reply. ' +
        'The device alone would take 300 ms (30 % slower), the input as image would take 451 ms (95 % slower). ' +
        'With an idle cloud it is best from 734 kbit/s to 5.1 Mbit/s; below that the device alone is, above that the input as image is.',
    );
  });

  it('refuses a link that was not planned for, and names the range', () => {
    expect(() => explainPlan(makePlan(request), { uplinkBitsPerSecond: 1 })).toThrow(
      'uplink of 1 bit/s is not within 10 kbit/s to 10 Gbit/s',
    );
  });
});
