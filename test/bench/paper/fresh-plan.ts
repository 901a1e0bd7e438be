/**
 * Plans on a machine whose speed drifts: other programs come and go, and within minutes it is twice as fast. So the segments
 * are timed again beside the arms of each cell, and a plan is made of those times; bytes and the codec's times stay those of
 * the profile that `cutpoint profile` wrote.
 */
import { systemClock } from '../../../sdk/src/clock.ts';
import { createCodec } from '../../../sdk/src/codec/codec.ts';
import { deflateNode } from '../../../sdk/src/codec/deflate-node.ts';
import { candidateCuts } from '../../../sdk/src/cut/candidates.ts';
import { makePlan } from '../../../sdk/src/planner/plan.ts';
import type { Plan } from '../../../sdk/src/planner/plan-file.ts';
import { resolvePolicy } from '../../../sdk/src/planner/policy.ts';
import type { Profile, Timing } from '../../../sdk/src/planner/profile.ts';
import { armsFromProfiles } from '../../../sdk/src/planner/profile-arms.ts';
import { transfersOf } from '../../../sdk/src/planner/profile-transfers.ts';
import { type MeasuredModel, measureModel, timingOf } from '../../../sdk/src/profiler/measure.ts';
import { REPLY_PROFILE } from '../../../sdk/src/profiler/measure-transfers.ts';
import { slowed } from '../../../sdk/src/profiler/profile-model.ts';
import { createOrtNode } from '../../../sdk/src/runtime/ort-node.ts';
import { openExecutor } from '../../../sdk/src/session/open-executor.ts';
import { openModel } from '../../../sdk/src/session/open-model.ts';
import { fileSource } from '../../../sdk/src/source/file.ts';
import type { Tensors } from '../../../sdk/src/tensor.ts';
import type { OutgoingRequest } from '../../../sdk/src/transport/outgoing-request.ts';

export interface FreshPlansRequest {
  readonly path: string;
  readonly feeds: Tensors;
  readonly threads: number;
  readonly maxCuts: number;
  /** Ids of cuts to time besides. */
  readonly cuts: readonly string[];
  /** Measured before, at these same cuts. */
  readonly profile: Profile;
}

export interface FreshPlans {
  /** One round: the whole model, and head and tail of every cut, once each. */
  time(): Promise<MeasuredModel>;
  /** From the medians of some rounds. */
  plan(rounds: readonly MeasuredModel[], now: PlanNow): Plan;
  /** The request that sends least: what crosses the narrowest cut, as it is. */
  leastRequest(model: string): Promise<OutgoingRequest>;
  close(): Promise<void>;
}

export interface PlanNow {
  readonly edgeSlowdown: number;
  readonly roundTripMs: number;
  readonly downlinkBitsPerSecond: number;
}

export async function openFreshPlans(request: FreshPlansRequest): Promise<FreshPlans> {
  const { path, feeds, threads, maxCuts, cuts: also, profile } = request;
  const runtime = await createOrtNode({ threads });
  const model = await openModel(fileSource(path), runtime, { inputShapes: profile.inputShapes });
  const cuts = candidateCuts(model.cuts, model.graph, { limit: maxCuts, also });
  const executor = await openExecutor(model, cuts, runtime, { isBatching: false, feeds });
  const fetches = model.outputs.map(({ name }) => name);
  const job = { executor, clock: systemClock(), feeds, fetches, warmUp: 0, rounds: 1 };
  return {
    time: async () => {
      // The session's own weights were in use meanwhile: the first run of others is slower.
      await executor.run({ feeds, fetches });
      return measureModel(job);
    },
    plan: (rounds, now) => planOf({ ...profile, ...mediansOf(rounds) }, now),
    leastRequest: async (name) => {
      const [cut] = executor.cuts.toSorted((a, b) => (a.bytes ?? 0) - (b.bytes ?? 0));
      if (!cut) throw new Error('the model has no cut inside');
      const names = cut.tensors.map((tensor) => tensor.name);
      const { values } = await executor.run({ to: cut, feeds, fetches: names });
      const codec = createCodec({ deflate: deflateNode() });
      const frame = async (tensor: string) => {
        const value = values[tensor];
        if (!value) throw new Error(`the head did not make ${tensor}`);
        return { name: tensor, frame: await codec.encode(value, 'float32') };
      };
      return {
        ...{ model: name, digest: model.digest, cut: cut.id },
        tensors: await Promise.all(names.map(frame)),
        fetches: fetches.filter((output) => !cut.headOutputs.includes(output)),
        replyProfile: REPLY_PROFILE,
      };
    },
    close: async () => {
      await executor.close();
      await runtime.close();
    },
  };
}

function mediansOf(rounds: readonly MeasuredModel[]): Pick<Profile, 'whole' | 'cuts'> {
  const timing = (of: (round: MeasuredModel) => Timing | undefined) =>
    timingOf(rounds.map((round) => of(round)?.medianMs ?? Number.NaN));
  const cuts = (rounds[0]?.cuts ?? []).map(({ cut: { id, name, depth } }, place) => ({
    ...{ id, name, depth },
    head: timing((round) => round.cuts[place]?.head),
    tail: timing((round) => round.cuts[place]?.tail),
  }));
  return { whole: timing((round) => round.whole), cuts };
}

/** The same machine on both sides, the device played slower. */
function planOf(cloud: Profile, { edgeSlowdown, roundTripMs, downlinkBitsPerSecond }: PlanNow): Plan {
  const edge = slowed(cloud, edgeSlowdown);
  const reply = { receivedBytes: cloud.reply.bytes, decodeMs: edge.reply.decodeMs };
  return makePlan({
    edge,
    cloud,
    arms: armsFromProfiles({ edge, cloud, transfers: transfersOf({ edge, cloud }), reply }),
    link: { roundTripMs, downlinkBitsPerSecond, queueMs: 0 },
    wish: resolvePolicy({}),
  });
}
