/**
 * A gateway with ResNet-50 and a small net, a device at its broker, and the rival: the same tail in a session of its own. The
 * runtime has one thread, in the executor's own process; devices are MQTT clients of this process at a broker inside it, so
 * they and the gateway share the other core.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveConfig } from '../../../cloud-gateway/src/config.ts';
import { type Gateway, startGateway } from '../../../cloud-gateway/src/gateway.ts';
import { letHeapGrow } from '../../../cloud-gateway/src/heap-growth.ts';
import { createCodec } from '../../../sdk/src/codec/codec.ts';
import { deflateNode } from '../../../sdk/src/codec/deflate-node.ts';
import { createOrtProcess } from '../../../sdk/src/runtime/ort-process.ts';
import { openExecutor } from '../../../sdk/src/session/open-executor.ts';
import { openModel } from '../../../sdk/src/session/open-model.ts';
import { fileSource } from '../../../sdk/src/source/file.ts';
import { connectDevice } from '../../support/gateway-process.ts';
import { randomNumbers, randomTensor } from '../../support/models/random-weights.ts';
import { resnet50 } from '../../support/models/resnet50.ts';
import { smallConvNet } from '../../support/models/small-conv-net.ts';
import { SHAPE } from '../split/plain.ts';

const DEPTH = 1 / 3;
export const PATIENT_MS = 60_000;
/** A request is remembered until its deadline: of small ones there are many. */
const SMALL_MS = 10_000;

export interface World {
  readonly gateway: Gateway;
  readonly about: string;
  /** The tail by itself in a process of its own, milliseconds as that process's thread sees them. */
  bare(): Promise<number>;
  /** One request of a device. Rejects with what the gateway says. */
  request(deadlineMs: number): Promise<{ readonly totalMs: number }>;
  /** The whole of a small model, which is loaded anew all the while. */
  requestSmall(): Promise<unknown>;
  close(): Promise<void>;
}

export async function makeWorld(): Promise<World> {
  letHeapGrow(); // As the program does.
  const folder = mkdtempSync(join(tmpdir(), 'cutpoint-bench-gateway-'));
  mkdirSync(join(folder, 'net'));
  writeFileSync(join(folder, 'net', 'model.onnx'), resnet50());
  writeFileSync(join(folder, 'net', 'cutpoint.json'), JSON.stringify({ inputs: { input: SHAPE } }));
  mkdirSync(join(folder, 'small'));
  writeFileSync(join(folder, 'small', 'model.onnx'), smallConvNet());
  const gateway = await startGateway(
    resolveConfig({ models: folder, listen: '127.0.0.1:0', threads: 1, maxCuts: 8, decodeThreads: 0 }),
  );
  const runtime = await createOrtProcess({ threads: 1 });
  const model = await openModel(fileSource(join(folder, 'net', 'model.onnx')), runtime, {
    inputShapes: { input: SHAPE },
  });
  const served = gateway.repository.find('net');
  const offered = (served?.announcement.cuts ?? []).flatMap(({ id }) =>
    model.cuts.filter((cut) => cut.id === id),
  );
  const [cut] = offered.toSorted((a, b) => Math.abs(a.depth - DEPTH) - Math.abs(b.depth - DEPTH));
  if (cut === undefined || served === undefined) throw new Error('the gateway offers no cut');
  const separate = await openExecutor(model, [cut], runtime, { kind: 'separate' });
  const input = randomTensor(randomNumbers(1), SHAPE);
  const names = cut.tensors.map(({ name }) => name);
  const { values } = await separate.run({ to: cut, feeds: { input }, fetches: names });
  const codec = createCodec({ deflate: deflateNode() });
  const tensors: { name: string; frame: Uint8Array }[] = [];
  for (const [name, tensor] of Object.entries(values))
    tensors.push({ name, frame: await codec.encode(tensor, 'uint8+context') });
  const device = await connectDevice(gateway.brokerUrl);
  await device.client.waitForGateway('net', { deadlineMs: 5_000 });
  const body = {
    model: 'net',
    digest: model.digest,
    cut: cut.id,
    tensors,
    fetches: ['output'],
    replyProfile: 'float32',
  };
  const picture = await codec.encode(randomTensor(randomNumbers(2), [1, 3, 32, 32]), 'float32');
  const digest = gateway.repository.find('small')?.digest ?? '';
  const small = {
    ...{ ...body, model: 'small', digest, cut: 'input' },
    tensors: [{ name: 'input', frame: picture }],
  };
  return {
    gateway,
    about: `${cut.name}, depth ${cut.depth.toFixed(2)}, ${cut.bytes} bytes of floats, ${tensors.reduce((sum, { frame }) => sum + frame.length, 0)} on the wire`,
    async bare() {
      const { segmentMs } = await separate.run({ from: cut, feeds: values, fetches: ['output'] });
      return segmentMs.reduce((sum, ms) => sum + ms, 0);
    },
    async request(deadlineMs) {
      const startMs = performance.now();
      await device.client.request(gateway.id, body, { deadlineMs });
      return { totalMs: performance.now() - startMs };
    },
    async requestSmall() {
      await device.client.request(gateway.id, small, { deadlineMs: SMALL_MS });
    },
    async close() {
      await device.close();
      await separate.close();
      await runtime.close();
      await gateway.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
