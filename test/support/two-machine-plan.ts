/** A plan's text: a net of 300 ms on a small board and 30 ms on a server, with one cut in the middle. */
import { makePlan, planText } from '../../sdk/src/planner/plan.ts';
import { type ProfiledMode, readProfile } from '../../sdk/src/planner/profile.ts';
import { armsFromProfiles } from '../../sdk/src/planner/profile-arms.ts';

/** Id of its one cut. */
export const TWO_MACHINE_CUT: string = 'a'.repeat(16);

/** @param mode in which the small board was profiled */
export function twoMachinePlan(mode?: ProfiledMode): string {
  const board = profileOf('a small board', 300);
  const [edge, cloud] = [mode ? { ...board, mode } : board, profileOf('a server', 30)];
  const arms = armsFromProfiles({
    ...{ edge, cloud, reply: { receivedBytes: 1000, decodeMs: 0 } },
    transfers: [
      { cutId: null, profile: 'image', sentBytes: 100_000, encodeMs: 0 },
      { cutId: TWO_MACHINE_CUT, profile: 'uint8+deflate', sentBytes: 10_000, encodeMs: 5 },
    ],
  });
  const link = { roundTripMs: 20, downlinkBitsPerSecond: 8e6, queueMs: 0 };
  return planText(makePlan({ edge, cloud, arms, link, wish: { objective: 'latency', constraints: {} } }));
}

function profileOf(device: string, wholeMs: number) {
  const timing = (medianMs: number) => ({ medianMs, spreadMs: 1, runs: 15, isGuess: false });
  return readProfile({
    ...{ format: 'cutpoint-profile', version: 1, modelDigest: 'd'.repeat(64), device, provider: 'cpu' },
    ...{ runtime: 'onnxruntime-node 1.30.0', threads: 2, executor: 'valve' },
    ...{ measuredAt: '2026-11-22T12:00:00Z', slowdown: 1, inputShapes: { x: [1, 3, 224, 224] } },
    ...{ inputs: 1, inputSource: 'files', peakMemoryBytes: null, transfers: [], whole: timing(wholeMs) },
    reply: { profile: 'float32+deflate', bytes: 1000, encodeMs: 0, decodeMs: 0 },
    cuts: [
      {
        id: TWO_MACHINE_CUT,
        name: 'mixed4',
        depth: 0.5,
        head: timing(wholeMs / 2),
        tail: timing(wholeMs / 2),
      },
    ],
  });
}
