/** Devices of the simulator on real time: heads, codecs and links are waited for, all else is asked of real gateways. */
import type { EventQueue } from '../../../sdk/src/adaptive/event-queue.ts';
import { controllerPolicy } from '../../../sdk/src/adaptive/rivals.ts';
import type { FoundGateway, SimulatedCloud } from '../../../sdk/src/adaptive/simulated-cloud.ts';
import { createSimulatedDevice } from '../../../sdk/src/adaptive/simulated-device.ts';
import { linkMaker } from '../../../sdk/src/capacity/device-links.ts';
import type { Fleet } from '../../../sdk/src/capacity/fleet-file.ts';
import type { ClassPlan } from '../../../sdk/src/capacity/fleet-plans.ts';
import { createCodec } from '../../../sdk/src/codec/codec.ts';
import { deflateNode } from '../../../sdk/src/codec/deflate-node.ts';
import { createOrtNode } from '../../../sdk/src/runtime/ort-node.ts';
import { openExecutor } from '../../../sdk/src/session/open-executor.ts';
import { openModel } from '../../../sdk/src/session/open-model.ts';
import { sampleFeeds } from '../../../sdk/src/session/sample-feeds.ts';
import { fileSource } from '../../../sdk/src/source/file.ts';
import type {
  Announcement,
  OutgoingRequest,
  RequestClient,
} from '../../../sdk/src/transport/request-client.ts';
import { connectDevice, type Device } from '../../support/gateway-process.ts';

export interface RealFleet {
  readonly fleet: Fleet;
  readonly plan: ClassPlan;
  readonly model: string;
  readonly shape: readonly number[];
  readonly broker: string;
  readonly warmUpMs: number;
  readonly durationMs: number;
  readonly random: () => number;
  /** Of requests that begin after the warming up. */
  onAnswer(ms: number): void;
  onQueue(ms: number): void;
}

/** As the simulator's. */
const LEAST_PATIENCE_MS = 50;
const PATIENT_MS = 10_000;

export async function playForReal(o: RealFleet): Promise<void> {
  const { plan, fleet, random } = o;
  const bodies = await requestsOf(o);
  const devices: Device[] = [];
  for (let i = 0; i < plan.about.devices; i++) devices.push(await connectDevice(o.broker));
  for (const { client } of devices) await client.waitForGateway('net', { deadlineMs: PATIENT_MS });
  const events = realEvents();
  const endMs = o.warmUpMs + o.durationMs;
  const everyMs = plan.about.everySeconds * 1000;
  const worldOf = linkMaker(plan.about.link, undefined);
  const policy = controllerPolicy(
    plan.plan.link,
    { score: plan.score, random },
    { deadlineMs: plan.deadlineMs },
  );
  for (const [index, { client }] of devices.entries()) {
    const cloud = realCloud(client, bodies, {
      events,
      onQueue: (ms) => events.nowMs() > o.warmUpMs && o.onQueue(ms),
    });
    const device = createSimulatedDevice({
      ...{ index, arms: plan.arms, cloud, events, isJudged: false, leastPatienceMs: LEAST_PATIENCE_MS },
      ...{ policy: policy(plan.arms), deadlineMs: plan.deadlineMs },
      world: { ...worldOf(index, devices.length), noise: () => noise(fleet.noise, random) },
      turns: (startMs, answerAtMs) => {
        let atMs = startMs;
        do atMs += -Math.log(1 - random()) * everyMs;
        while (atMs < answerAtMs);
        return atMs;
      },
      record: ({ startMs, totalMs }) => startMs >= o.warmUpMs && o.onAnswer(totalMs),
      isOver: (nowMs) => nowMs >= endMs,
    });
    device.startAt(random() * everyMs);
  }
  await new Promise((resolve) => setTimeout(resolve, endMs + 3000));
  events.stop();
  await Promise.all(devices.map((device) => device.close()));
}

function noise(sigma: number, random: () => number) {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return { device: Math.exp(sigma * normal - (sigma * sigma) / 2), cloud: 1 };
}

type RealEvents = EventQueue & { nowMs(): number; stop(): void };

/** Timers in the place of the heap. */
function realEvents(): RealEvents {
  const beganMs = performance.now();
  let isOver = false;
  const nowMs = () => performance.now() - beganMs;
  return {
    nowMs,
    put(atMs, happen) {
      if (!Number.isFinite(atMs)) return;
      setTimeout(() => !isOver && happen(), Math.max(0, atMs - nowMs()));
    },
    runUntil() {},
    stop() {
      isOver = true;
    },
  };
}

type Bodies = ReadonlyMap<string, OutgoingRequest>;

function realCloud(
  client: RequestClient,
  bodies: Bodies,
  { events, onQueue }: { readonly events: RealEvents; onQueue(ms: number): void },
): SimulatedCloud {
  let last: { readonly announcement: Announcement; readonly found: FoundGateway } | undefined;
  const names: string[] = [];
  const numberOf = (name: string) => {
    if (!names.includes(name)) names.push(name);
    return names.indexOf(name);
  };
  return {
    freeAtMs: () => 0,
    find() {
      const [announcement] = client.gateways();
      if (announcement === undefined) return undefined;
      if (last?.announcement !== announcement) {
        const { gateway, queueMs = 0, price = 0 } = announcement;
        const load = { queueMs, congestionPrice: price };
        last = { announcement, found: { gateway: numberOf(gateway), extraRoundTripMs: 0, load } };
      }
      return last.found;
    },
    serve({ gateway, played, deadlineAtMs }, tell) {
      const body = bodies.get(played.arm.id);
      const deadlineMs = deadlineAtMs - events.nowMs();
      if (body === undefined || deadlineMs <= 0) return tell({ kind: 'refused', doneAtMs: events.nowMs() });
      client.request(names[gateway] ?? '', body, { deadlineMs }).then(
        ({ timings }) => {
          const { queueMs, decodeMs, tailMs, encodeMs } = timings;
          onQueue(queueMs);
          tell({ kind: 'answered', queueMs, tailMs: decodeMs + tailMs + encodeMs, doneAtMs: events.nowMs() });
        },
        () => tell({ kind: 'refused', doneAtMs: events.nowMs() }),
      );
    },
    noteFailure: () => {},
  };
}

/** What crosses each arm's cut, encoded once: the same input again and again. */
async function requestsOf({ plan, model: path, shape }: RealFleet): Promise<Bodies> {
  const runtime = await createOrtNode({ threads: 1 });
  try {
    const inputShapes = { input: shape };
    const model = await openModel(fileSource(path), runtime, { inputShapes });
    const ids = new Set(plan.arms.map(({ arm }) => arm.id.split('/')[0]));
    const cuts = model.cuts.filter(({ id }) => ids.has(id));
    const executor = await openExecutor(model, cuts, runtime, { kind: 'separate' });
    const codec = createCodec({ deflate: deflateNode() });
    const feeds = sampleFeeds(model.inputs, inputShapes) ?? {};
    const bodies = new Map<string, OutgoingRequest>();
    for (const { arm } of plan.arms) {
      if (arm.kind === 'device') continue;
      const [id = ''] = arm.id.split('/');
      const cut = cuts.find((one) => one.id === id);
      const fetches = cut?.tensors.map(({ name }) => name) ?? [];
      const values = cut ? (await executor.run({ to: cut, feeds, fetches })).values : feeds;
      const tensors = await Promise.all(
        Object.entries(values).map(async ([name, tensor]) => ({
          name,
          frame: await codec.encode(tensor, arm.profile as 'uint8'),
        })),
      );
      const outputs = model.outputs.map(({ name }) => name);
      bodies.set(arm.id, {
        ...{ model: 'net', digest: model.digest, cut: cut?.id ?? 'input', tensors, fetches: outputs },
        replyProfile: 'float32+deflate',
      });
    }
    await executor.close();
    return bodies;
  } finally {
    await runtime.close();
  }
}
