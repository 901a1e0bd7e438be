/** The gateway as its users run it: versions exchanged under load, executors killed, whole models over HTTP. */
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBundle, generateSigningKeys, signBundle } from '@cutpoint/sdk/bundle';
import { createOrtNode, memorySource, openModel, type Runtime, sampleTensor } from '@cutpoint/sdk/gateway';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { smallConvNet } from '../../test/support/models/small-conv-net.ts';
import { type GatewayOptions, resolveConfig } from './config.ts';
import { type Gateway, startGateway } from './gateway.ts';

const INPUT = sampleTensor({ type: 'float32', dims: [1, 3, 32, 32], seed: 4 });
const DATA = [...(INPUT.data as Float32Array)];
const nets = [smallConvNet(), smallConvNet({ seed: 8 })];
let runtime: Runtime;
let expected: readonly (readonly number[])[];
let folder: string;
let gateway: Gateway | undefined;

beforeAll(async () => {
  runtime = await createOrtNode({ threads: 1 });
  expected = await Promise.all(
    nets.map(async (bytes) => {
      const model = await runtime.load({ bytes });
      const { values } = await runtime.run({ models: [model], feeds: { input: INPUT }, fetches: ['output'] });
      return [...(values.output?.data as Float32Array)];
    }),
  );
});
afterAll(() => runtime.close());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-serving-'));
});
afterEach(async () => {
  await gateway?.stop();
  gateway = undefined;
  await rm(folder, { recursive: true });
});

async function addVersion(version: string, net: number): Promise<string> {
  const directory = join(folder, 'net', version);
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'model.onnx'), nets[net] as Uint8Array);
  await writeFile(join(directory, 'cutpoint.json'), '{"inputs": {"input": [1, 3, 32, 32]}}');
  return directory;
}

async function start(options: Partial<GatewayOptions> = {}): Promise<Gateway> {
  const common = { models: folder, listen: '127.0.0.1:0', http: '127.0.0.1:0', threads: 1 };
  gateway = await startGateway(resolveConfig({ ...common, ...options }));
  return gateway;
}

async function infer(path = 'net'): Promise<{ status: number; data: number[]; version: string }> {
  const reply = await fetch(`${gateway?.httpUrl}/v2/models/${path}/infer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      inputs: [{ name: 'input', datatype: 'FP32', shape: [1, 3, 32, 32], data: DATA }],
    }),
  });
  const body = (await reply.json()) as { outputs?: { data: number[] }[]; model_version?: string };
  return { status: reply.status, data: body.outputs?.[0]?.data ?? [], version: body.model_version ?? '' };
}

function expectClose(data: readonly number[], net: number): void {
  expect(data).toHaveLength(expected[net]?.length ?? -1);
  for (const [i, value] of (expected[net] ?? []).entries()) expect(data[i]).toBeCloseTo(value, 4);
}

const call = (path: string) =>
  fetch(`${gateway?.httpUrl}/v2/repository/${path}`, { method: 'POST' }).then(async (reply) => ({
    status: reply.status,
    body: await reply.json(),
  }));

async function failedVersions(): Promise<readonly string[]> {
  const text = await (await fetch(`${gateway?.httpUrl}/metrics`)).text();
  const failed = text.matchAll(/^cutpoint_model_state\{model="net",version="(\d+)",state="failed"\} 1$/gm);
  return [...failed].map(([, version = '']) => version);
}

describe('versions', () => {
  it('are exchanged under load without a failed or wrong answer; the one before stays', async () => {
    await addVersion('1', 0);
    await start();
    let isOver = false;
    let answers = 0;
    const load = async () => {
      while (!isOver) {
        const { status, data, version } = await infer();
        expect(status).toBe(200);
        expectClose(data, version === '1' ? 0 : 1);
        answers += 1;
      }
    };
    const clients = [load(), load()];
    await addVersion('2', 1);
    expect(await call('models/net/load')).toEqual({ status: 200, body: {} });
    for (let round = 0; round < 3; round++) expect((await call('models/net/load')).status).toBe(200);
    isOver = true;
    await Promise.all(clients);
    expect(answers).toBeGreaterThan(0);
    expect((await infer()).version).toBe('2');
    expectClose((await infer('net/versions/1')).data, 0);
    const digests = gateway?.repository.versionsOf('net').map(({ digest }) => digest);
    const own = await Promise.all(nets.map((bytes) => openModel(memorySource(bytes), runtime)));
    expect(digests).toEqual(own.map(({ digest }) => digest).toReversed());
  });

  it('that do not load leave what is served as it is; unloaded ones are gone', async () => {
    await addVersion('1', 0);
    await start();
    const broken = join(folder, 'net', '2');
    await mkdir(broken);
    await writeFile(join(broken, 'model.onnx'), 'no model');
    expect((await call('models/net/load')).status).toBe(500);
    expect((await infer()).version).toBe('1');
    expect((await call('index')).body).toMatchObject([
      { name: 'net', version: '2', state: 'UNAVAILABLE' },
      { name: 'net', version: '1', state: 'READY' },
    ]);
    expect((await call('models/net/unload')).status).toBe(200);
    expect((await infer()).status).toBe(404);
    expect((await call('models/other/load')).status).toBe(404);
  });

  it('before one that does not load are served after a restart, and it is forgotten when it was taken away', async () => {
    await addVersion('1', 0);
    const broken = join(folder, 'net', '2');
    await mkdir(broken);
    await writeFile(join(broken, 'model.onnx'), 'no model');
    await start();
    expect((await infer()).version).toBe('1');
    expect(await failedVersions()).toEqual(['2']);
    await rm(broken, { recursive: true });
    expect((await call('models/net/load')).status).toBe(200);
    expect(await failedVersions()).toEqual([]);
  });

  it('must be signed where keys are trusted, and may not go back', async () => {
    const keys = generateSigningKeys();
    const trustedKeys = join(folder, 'key.pem');
    await writeFile(trustedKeys, keys.publicKey);
    const about = { model: 'net', createdAt: new Date(0) };
    const directory = await addVersion('1', 0);
    await expect(start({ trustedKeys })).rejects.toMatchObject({ code: 'model-invalid' });
    await createBundle(directory, { ...about, version: '1', counter: 5 });
    await signBundle(directory, keys.privateKey);
    await start({ trustedKeys });
    expect((await infer()).version).toBe('1');
    const older = join(folder, 'net', '2');
    await cp(directory, older, { recursive: true });
    await createBundle(older, { ...about, version: '2', counter: 4 });
    await signBundle(older, keys.privateKey);
    const refused = await call('models/net/load');
    expect(refused.body).toMatchObject({ error: expect.stringContaining('bundle-outdated') });
    expect((await infer()).version).toBe('1');
  });
});

describe('an executor that is killed', () => {
  it('costs no answer: every request ends, with the right values or a code that says to try again', async () => {
    await addVersion('1', 0);
    const { executors } = await start();
    const clients = Array.from({ length: 6 }, async (_, n) => {
      const results = [];
      for (let i = 0; i < 10; i++) {
        if (n === 0 && i === 4) process.kill(executors[0]?.runtime.pid as number, 'SIGKILL');
        results.push(await infer());
      }
      return results;
    });
    const results = (await Promise.all(clients)).flat();
    expect(results).toHaveLength(60);
    for (const { status, data } of results) {
      if (status === 200) expectClose(data, 0);
      else expect(status).toBe(503);
    }
    expect((await infer()).status).toBe(200);
  });
});
