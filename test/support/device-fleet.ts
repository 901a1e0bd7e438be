/** Many simulated devices, each with a connection of its own, and what became of every request that they sent. */
import { createCodec, deflateNode, isSplitError, SplitError, type Tensor } from '@cutpoint/sdk/gateway';
import type { Announcement } from '../../sdk/src/protocol/v1/announcement.ts';
import { createOrtNode } from '../../sdk/src/runtime/ort-node.ts';
import { openExecutor } from '../../sdk/src/session/open-executor.ts';
import { openModel } from '../../sdk/src/session/open-model.ts';
import { fileSource } from '../../sdk/src/source/file.ts';
import { seededRandom } from '../../sdk/src/testing/random.ts';
import type { OutgoingRequest } from '../../sdk/src/transport/outgoing-request.ts';
import { connectDevice, type Device } from './gateway-process.ts';
import { randomNumbers, randomTensor } from './models/random-weights.ts';

/** What a device sends, and what must come back. */
export interface FleetRequest {
  readonly body: OutgoingRequest;
  readonly expected: readonly number[];
}

const codec = createCodec({ deflate: deflateNode() });

/** Of a model with one input and one output: a picture of its own at the input and at each announced cut. */
export async function makeFleetRequests(
  path: string,
  shape: readonly number[],
  { name, digest, cuts }: Announcement['models'][number],
): Promise<readonly FleetRequest[]> {
  const runtime = await createOrtNode({ threads: 1 });
  try {
    const model = await openModel(fileSource(path), runtime, { inputShapes: { input: shape } });
    const offered = model.cuts.filter(({ id }) => cuts.some((cut) => cut.id === id));
    const executor = await openExecutor(model, offered, runtime, { kind: 'separate' });
    const requests: FleetRequest[] = [];
    for (const [seed, to] of [undefined, ...executor.cuts].entries()) {
      const input = randomTensor(randomNumbers(seed + 1), shape);
      const names = to?.tensors.map((tensor) => tensor.name) ?? ['input'];
      const { values } = to
        ? await executor.run({ to, feeds: { input }, fetches: names })
        : { values: { input } };
      const whole = await executor.run({ feeds: { input }, fetches: ['output'] });
      const tensors = [];
      for (const [tensor, value] of Object.entries<Tensor>(values))
        tensors.push({ name: tensor, frame: await codec.encode(value, 'float32') });
      const about = { model: name, digest, cut: to?.id ?? 'input', replyProfile: 'float32' } as const;
      const body: OutgoingRequest = { ...about, tensors, fetches: ['output'] };
      requests.push({ body, expected: [...(whole.values.output?.data ?? [])].map(Number) });
    }
    await executor.close();
    return requests;
  } finally {
    await runtime.close();
  }
}

export interface FleetReport {
  sent: number;
  answers: number;
  wrong: number;
  /** Requests that ended without an answer, by code. */
  readonly failures: Record<string, number>;
  /** Tries that were made again, with another gateway or later, by code. */
  readonly retries: Record<string, number>;
  /** Errors without a code: there should be none. */
  readonly untyped: unknown[];
  /** Answers by gateway. */
  readonly by: Record<string, number>;
  /** Longest time beyond the deadline, in milliseconds. */
  worstOverrunMs: number;
}

export interface FleetOptions {
  readonly broker: string;
  readonly count: number;
  readonly requests: readonly FleetRequest[];
  /** Of all devices together, on average. */
  readonly requestsPerSecond: number;
  readonly deadlineMs: number;
  readonly seed: number;
}

export interface Fleet {
  readonly report: FleetReport;
  /** Resolves when every request that was sent has ended. Safe to call twice. */
  stop(): Promise<void>;
}

/** Connected so many at a time: brokers take new connections one after the other. */
const AT_A_TIME = 25;
const MOST_TRIES = 10;
const RETRY_MS = 50;

export async function startFleet(o: FleetOptions): Promise<Fleet> {
  const devices: Device[] = [];
  while (devices.length < o.count) {
    const more = Math.min(AT_A_TIME, o.count - devices.length);
    devices.push(...(await Promise.all(Array.from({ length: more }, () => connectPatiently(o.broker)))));
  }
  const report: FleetReport = {
    ...{ sent: 0, answers: 0, wrong: 0, failures: {}, retries: {}, untyped: [], by: {} },
    worstOverrunMs: Number.NEGATIVE_INFINITY,
  };
  const over = new AbortController();
  const lanes = devices.map((device, index) => runDevice({ ...o, device, index, report, over: over.signal }));
  let stopped: Promise<void> | undefined;
  const stop = async () => {
    over.abort();
    await Promise.all(lanes);
    for (let at = 0; at < devices.length; at += AT_A_TIME)
      await Promise.all(devices.slice(at, at + AT_A_TIME).map((device) => device.close()));
  };
  return {
    report,
    stop() {
      stopped ??= stop();
      return stopped;
    },
  };
}

/** A broker that greets thousands is late with some. */
async function connectPatiently(broker: string): Promise<Device> {
  for (let tries = 1; ; tries++) {
    try {
      return await connectDevice(broker);
    } catch (error) {
      if (tries === MOST_TRIES || !isSplitError(error) || error.code !== 'broker-unreachable') throw error;
    }
  }
}

interface Lane extends FleetOptions {
  readonly device: Device;
  readonly index: number;
  readonly report: FleetReport;
  readonly over: AbortSignal;
}

/** One request after the other, at seeded random times. */
async function runDevice(lane: Lane): Promise<void> {
  const { index, over, report, requests } = lane;
  const random = seededRandom(lane.seed + index);
  const meanMs = (1000 * lane.count) / lane.requestsPerSecond;
  await pause(random() * meanMs, over);
  while (!over.aborted) {
    const request = requests[Math.floor(random() * requests.length)] as FleetRequest;
    report.sent += 1;
    const startMs = performance.now();
    await askUntilAnswered(lane, request, startMs + lane.deadlineMs);
    report.worstOverrunMs = Math.max(report.worstOverrunMs, performance.now() - startMs - lane.deadlineMs);
    await pause(-Math.log(1 - random()) * meanMs, over);
  }
}

/** As a session does: what is worth trying again is tried again, until nobody waits for the answer any more. */
async function askUntilAnswered(
  lane: Lane,
  { body, expected }: FleetRequest,
  untilMs: number,
): Promise<void> {
  const { report, device } = lane;
  const leftMs = () => untilMs - performance.now();
  for (;;) {
    try {
      const gateway = await pickGateway(lane, body.model, leftMs());
      const reply = await device.client.request(gateway, body, { deadlineMs: Math.max(1, leftMs()) });
      const [frame] = reply.tensors;
      if (frame === undefined) throw new SplitError('message-invalid', 'an answer without a tensor');
      const { data } = await codec.decode(frame.frame, { maxBytes: 1 << 20 });
      report.answers += 1;
      report.by[gateway] = (report.by[gateway] ?? 0) + 1;
      if (!isClose([...data].map(Number), expected)) report.wrong += 1;
      return;
    } catch (error) {
      if (!isSplitError(error)) {
        report.untyped.push(error);
        return;
      }
      const isOver = !error.retriable || leftMs() < 2 * RETRY_MS;
      const counts = isOver ? report.failures : report.retries;
      counts[error.code] = (counts[error.code] ?? 0) + 1;
      if (isOver) return;
      await pause(RETRY_MS);
    }
  }
}

/** Devices are spread over the gateways that are ready, as a load balancer would. */
async function pickGateway({ device, index }: Lane, model: string, deadlineMs: number): Promise<string> {
  const ready = device.client
    .gateways()
    .filter(({ state, models }) => state === 'ready' && models.some(({ name }) => name === model))
    .map(({ gateway }) => gateway)
    .sort();
  const own = ready[index % Math.max(1, ready.length)];
  return own ?? (await device.client.waitForGateway(model, { deadlineMs: Math.max(1, deadlineMs) })).gateway;
}

function isClose(actual: readonly number[], expected: readonly number[]): boolean {
  return (
    actual.length === expected.length &&
    actual.every((value, at) => Math.abs(value - (expected[at] ?? Number.NaN)) < 1e-4)
  );
}

/** Ends early, without an error, when the signal fires. */
function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    if (signal?.aborted) done();
    signal?.addEventListener('abort', done, { once: true });
  });
}
