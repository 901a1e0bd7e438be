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
import type { Executor } from '../../../sdk/src/runtime/executor/executor.ts';
import { createOrtNode } from '../../../sdk/src/runtime/ort-node.ts';
import { createOrtProcess } from '../../../sdk/src/runtime/ort-process.ts';
import { openExecutor } from '../../../sdk/src/session/open-executor.ts';
import { openModel } from '../../../sdk/src/session/open-model.ts';
import { probeRows } from '../../../sdk/src/session/probe-rows.ts';
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
  time(): Promise<TimedSides>;
  /** From the medians of some rounds. */
  plan(rounds: readonly TimedSides[], now: PlanNow): Plan;
  /** The request that sends least: what crosses the narrowest cut, as it is. */
  leastRequest(model: string): Promise<OutgoingRequest>;
  close(): Promise<void>;
}

/** The whole model and heads as a session runs them, tails as a gateway does. */
export interface TimedSides extends MeasuredModel {
  readonly gatewayWhole: Timing;
}

export interface PlanNow {
  readonly edgeSlowdown: number;
  readonly roundTripMs: number;
  readonly downlinkBitsPerSecond: number;
}

export async function openFreshPlans(request: FreshPlansRequest): Promise<FreshPlans> {
  const { path, feeds, threads, maxCuts, cuts: also, profile } = request;
  const runtime = await createOrtNode({ threads });
  const gatewayRuntime = await createOrtProcess({ threads });
  const model = await openModel(fileSource(path), runtime, { inputShapes: profile.inputShapes });
  const cuts = candidateCuts(model.cuts, model.graph, { limit: maxCuts, also });
  const executor = await openExecutor(model, cuts, runtime, { feeds });
  const gatewayExecutor = await openExecutor(model, cuts, gatewayRuntime, { feeds, rowProbe: probeRows });
  const fetches = model.outputs.map(({ name }) => name);
  // A head on the device, then its tail on the gateway, as it is in a session: neither finds its weights in the cache.
  const pair: Executor = {
    ...executor,
    run: (part) => (part.from === undefined ? executor : gatewayExecutor).run(part),
  };
  const once = { clock: systemClock(), feeds, fetches, warmUp: 0, rounds: 1 };
  return {
    time: async () => ({
      ...(await measureModel({ executor: pair, ...once })),
      gatewayWhole: (await measureModel({ executor: gatewayExecutor, cuts: [], ...once })).whole,
    }),
    plan: (rounds, now) => {
      const { gatewayWhole, ...device } = mediansOf(rounds, profile);
      return planOf(
        { device: { ...profile, ...device }, gateway: { ...profile, ...device, whole: gatewayWhole } },
        now,
      );
    },
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
      for (const open of [executor, gatewayExecutor, runtime, gatewayRuntime]) await open.close();
    },
  };
}

function mediansOf(
  rounds: readonly TimedSides[],
  profile: Profile,
): Pick<Profile, 'whole' | 'cuts'> & Pick<TimedSides, 'gatewayWhole'> {
  const timing = (of: (round: TimedSides) => Timing | undefined) =>
    timingOf(rounds.map((round) => of(round)?.medianMs ?? Number.NaN));
  const cuts = (rounds[0]?.cuts ?? []).map(({ cut: { id, name, depth } }, place) => ({
    ...{ id, name, depth },
    head: timing((round) => round.cuts[place]?.head),
    tail: timing((round) => round.cuts[place]?.tail),
    reply: profile.cuts.find((cut) => cut.id === id)?.reply,
  }));
  return {
    whole: timing((round) => round.whole),
    gatewayWhole: timing((round) => round.gatewayWhole),
    cuts,
  };
}

/** The device played slower. */
function planOf(
  { device, gateway: cloud }: { readonly device: Profile; readonly gateway: Profile },
  { edgeSlowdown, roundTripMs, downlinkBitsPerSecond }: PlanNow,
): Plan {
  const edge = slowed(device, edgeSlowdown);
  return makePlan({
    edge,
    cloud,
    arms: armsFromProfiles({ edge, cloud, transfers: transfersOf({ edge, cloud }) }),
    link: { roundTripMs, downlinkBitsPerSecond, queueMs: 0 },
    wish: resolvePolicy({}),
  });
}
