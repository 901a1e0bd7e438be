import { join } from 'node:path';
import {
  createCodec,
  createOrtNode,
  deflateNode,
  type Executor,
  fileSource,
  openChain,
  openModel,
  type Runtime,
  sampleTensor,
  type Tensor,
  type Tensors,
} from '@cutpoint/sdk/gateway';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  connectDevice,
  type Device,
  type ModelFolder,
  makeModelFolder,
  type SpawnedGateway,
  spawnGateway,
} from '../../test/support/gateway-process.ts';
import { smallConvNet } from '../../test/support/models/small-conv-net.ts';
import { mosquittoMissing, startMosquitto } from '../../test/support/mosquitto.ts';

const INPUT = sampleTensor({ type: 'float32', dims: [4, 3, 32, 32], seed: 9 });
const NOBODY_ELSE = ['--listen', '127.0.0.1:0', '--threads', '1'];
const codec = createCodec({ deflate: deflateNode() });

let models: ModelFolder;
let runtime: Runtime;
let chain: Executor;
let digest: string;
let whole: Tensors;
const gateways: SpawnedGateway[] = [];
const devices: Device[] = [];

beforeAll(async () => {
  models = await makeModelFolder();
  await models.add('net', smallConvNet(), { inputs: { input: [1, 3, 32, 32] } });
  runtime = await createOrtNode({ threads: 1 });
  const model = await openModel(fileSource(join(models.path, 'net', 'model.onnx')), runtime);
  digest = model.digest;
  const inner = model.cuts.filter(({ position }) => position > 0 && position < model.graph.nodes.length);
  chain = await openChain(model, inner, runtime);
  whole = (await chain.run({ feeds: { input: INPUT }, fetches: ['output'] })).values;
});
afterEach(async () => {
  await Promise.all(devices.splice(0).map((device) => device.close()));
  for (const { child, ended } of gateways.splice(0)) {
    child.kill('SIGKILL');
    await ended;
  }
});
afterAll(async () => {
  await chain.close();
  await runtime.close();
  await models.remove();
});

describe('cutpoint-gateway', () => {
  it('announces its models and answers from every cut as the whole model would', async () => {
    const { device, gateway, announced } = await startBoth();
    expect(announced).toMatchObject({ name: 'net', digest });
    expect(announced.cuts.length).toBeGreaterThan(1);
    for (const cut of ['input', ...announced.cuts.map(({ id }) => id)]) {
      const reply = await device.client.request(gateway, await requestAt(cut), { deadlineMs: 5_000 });
      expectClose(await codec.decode(frameOf(reply.tensors)), whole.output);
    }
  });

  it('refuses with a code that says why, and serves on', async () => {
    const { device, gateway } = await startBoth();
    const base = await requestAt('input');
    const broken = [{ name: 'input', frame: Uint8Array.of(1, 2, 3) }];
    const refusals = [
      [{ ...base, model: 'other' }, 'model-unknown'],
      [{ ...base, digest: '0'.repeat(64) }, 'model-mismatch'],
      [{ ...base, cut: 'f'.repeat(16) }, 'cut-invalid'],
      [{ ...base, tensors: broken }, 'codec-invalid'],
    ] as const;
    for (const [request, code] of refusals) {
      const refused = device.client.request(gateway, request, { deadlineMs: 5_000 });
      await expect(refused).rejects.toMatchObject({ code });
    }
    await device.client.request(gateway, base, { deadlineMs: 5_000 });
  });

  it('answers what it has in hand when told to stop, then exits with 0', async () => {
    const { device, gateway, program } = await startBoth();
    const request = await requestAt('input');
    const inHand = Array.from({ length: 8 }, () =>
      device.client.request(gateway, request, { deadlineMs: 10_000 }),
    );
    // Sent together, so when the first is answered the others have arrived.
    await Promise.race(inHand);
    program.child.kill('SIGTERM');
    expect(await Promise.all(inHand)).toHaveLength(8);
    expect(await program.ended).toBe(0);
  });

  it('ends at once at the second signal, whatever it has in hand', async () => {
    const { device, gateway, program } = await startBoth();
    const draining = new Promise<void>((resolve) => {
      device.client.onAnnouncement(({ state }) => state === 'draining' && resolve());
    });
    const request = await requestAt(
      'input',
      sampleTensor({ type: 'float32', dims: [256, 3, 32, 32], seed: 2 }),
    );
    const inHand = Array.from({ length: 8 }, () =>
      device.client.request(gateway, request, { deadlineMs: 10_000 }),
    );
    const settled = Promise.allSettled(inHand);
    await Promise.race(inHand);
    program.child.kill('SIGTERM');
    await draining;
    program.child.kill('SIGTERM');
    expect(await program.ended).toBe('SIGKILL');
    await device.client.close();
    await settled;
  });

  const skipReason = mosquittoMissing();
  it.skipIf(skipReason !== undefined)('is known to be offline after it was killed, by its will', async () => {
    const mosquitto = await startMosquitto();
    try {
      const { device, gateway, program } = await startBoth([
        '--broker',
        mosquitto.url,
        '--id',
        'gw-doomed',
        '--threads',
        '1',
      ]);
      expect(gateway).toBe('gw-doomed');
      const offline = new Promise<string>((resolve) => {
        device.client.onAnnouncement(({ state }) => state === 'offline' && resolve(state));
      });
      program.child.kill('SIGKILL');
      expect(await offline).toBe('offline');
      expect(device.client.gateways()).toEqual([]);
    } finally {
      await mosquitto.close();
    }
  });
});

async function startBoth(args: readonly string[] = NOBODY_ELSE) {
  const program = spawnGateway(['--models', models.path, ...args]);
  gateways.push(program);
  const { broker } = await readyOf(program, args);
  const device = await connectDevice(broker);
  devices.push(device);
  const { gateway, models: served } = await device.client.waitForGateway('net', { deadlineMs: 5_000 });
  const [announced] = served;
  if (announced === undefined) throw new Error('the gateway announces no model');
  return { program, device, gateway, announced };
}

async function readyOf(program: SpawnedGateway, args: readonly string[]) {
  const ready = await program.ready;
  const at = args.indexOf('--broker');
  return { ...ready, broker: at < 0 ? ready.broker : (args[at + 1] ?? '') };
}

async function requestAt(cut: string, input: Tensor = INPUT) {
  const at = chain.cuts.find(({ id }) => id === cut);
  const names = at?.tensors.map(({ name }) => name) ?? ['input'];
  const values =
    at === undefined ? { input } : (await chain.run({ to: at, feeds: { input }, fetches: names })).values;
  const encoded = Object.entries<Tensor>(values).map(async ([name, tensor]) => ({
    name,
    frame: await codec.encode(tensor, 'float32'),
  }));
  return {
    model: 'net',
    digest,
    cut,
    tensors: await Promise.all(encoded),
    fetches: ['output'],
    replyProfile: 'float32',
  };
}

function frameOf(tensors: readonly { readonly frame: Uint8Array }[]): Uint8Array {
  return tensors[0]?.frame ?? new Uint8Array(0);
}

/** Cut or whole, ONNX Runtime fuses other nodes, and rounds elsewhere. */
function expectClose(actual: Tensor, expected: Tensor | undefined): void {
  expect(actual.dims).toEqual(expected?.dims);
  for (const [index, value] of expected?.data.entries() ?? []) {
    expect(actual.data[index]).toBeCloseTo(Number(value), 4);
  }
}
