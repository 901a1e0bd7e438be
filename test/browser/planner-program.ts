/** What the planner is asked in Node and in a browser: the same figures must give the same cuts and the same plan. */
import { msPerByte } from '../../sdk/src/planner/envelope.ts';
import { parametricCut } from '../../sdk/src/planner/parametric-cut.ts';
import { makePlan } from '../../sdk/src/planner/plan.ts';
import { readProfile } from '../../sdk/src/planner/profile.ts';
import { armsFromProfiles } from '../../sdk/src/planner/profile-arms.ts';
import { transfersOf } from '../../sdk/src/planner/profile-transfers.ts';

export interface PlannerAnswer {
  readonly hash: string;
  /** Best heads as strings of 0 and 1, from the fastest link to the slowest, each with where its range begins. */
  readonly heads: readonly string[];
}

export function askPlanner(): PlannerAnswer {
  const [edge, cloud] = [profileOf(8), profileOf(1)];
  const arms = armsFromProfiles({
    edge,
    cloud,
    transfers: transfersOf({ edge, cloud }),
  });
  const link = { roundTripMs: 20, downlinkBitsPerSecond: 2e7, queueMs: 0 };
  const plan = makePlan({ edge, cloud, arms, link, wish: { objective: 'latency', constraints: {} } });
  return { hash: plan.hash, heads: bestHeads() };
}

/** A ladder: two branches a step, of uneven sizes and times. */
function bestHeads(): readonly string[] {
  const nodes = 60;
  const cloudMs = Float64Array.from({ length: nodes }, (_, node) => 0.1 + ((node * 7) % 11) / 13);
  const tensors = Array.from({ length: nodes }, (_, node) => ({
    bytes: 1000 + ((node * 7919) % 50_021) / (1 + node / 9),
    producer: node,
    consumers: [node + 1, node + 3].filter((reader) => reader < nodes),
  }));
  const input = { bytes: 150_528, producer: -1, consumers: [0] };
  const problem = { edgeMs: cloudMs.map((ms) => 7 * ms), cloudMs, tensors: [input, ...tensors], splitMs: 20 };
  const best = parametricCut(problem, { fromX: msPerByte(1e10), toX: msPerByte(1e4) });
  return best.map(({ fromX, headSet }) => `${fromX} ${headSet.join('')}`);
}

function profileOf(slowdown: number) {
  const timing = (ms: number) => ({ medianMs: (ms * slowdown) / 7, spreadMs: 0.1, runs: 15, isGuess: false });
  const id = (index: number) => String(index).padStart(16, '0');
  const cuts = Array.from({ length: 12 }, (_, index) => index);
  return readProfile({
    ...{
      format: 'cutpoint-profile',
      version: 1,
      modelDigest: 'ab'.repeat(32),
      device: 'µ board',
      provider: 'cpu',
    },
    ...{
      runtime: 'ort',
      threads: 2,
      executor: 'valve',
      measuredAt: '2026-11-24',
      pauseMs: 0,
      slowdown,
      inputShapes: { x: [1, 3] },
    },
    ...{ inputs: 3, inputSource: 'files', peakMemoryBytes: null },
    whole: timing(120),
    cuts: cuts.map((index) => ({
      ...{ id: id(index), name: `conv ${index}`, depth: index / 12 },
      head: timing(10 * index),
      tail: timing(120 - 10 * index),
    })),
    transfers: cuts.map((index) => ({
      ...{
        cutId: id(index),
        profile: 'uint8',
        sentBytes: 300_000 / (index + 1),
        spreadBytes: 0,
        isGuess: false,
      },
      ...{ encodeMs: (0.3 * slowdown) / 7, decodeMs: 0.2 },
    })),
    reply: { profile: 'float32+deflate', bytes: 4096, encodeMs: 0.1, decodeMs: 0.1 },
  });
}
