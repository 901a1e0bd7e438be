import { type ChildProcess, spawn } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readModel } from '../../sdk/src/onnx/model.ts';
import { directRuntime } from '../../test/support/direct-runtime.ts';
import {
  type GatewayProcess,
  type ModelFolder,
  makeModelFolder,
  startGatewayProcess,
} from '../../test/support/gateway-process.ts';
import { smallConvNet } from '../../test/support/models/small-conv-net.ts';
import { runCutpoint } from '../../test/support/run-cutpoint.ts';
import { runProgram } from './program.ts';
import { askAgent } from './verbs/ask-agent.ts';

const EDGE = fileURLToPath(new URL('./main.ts', import.meta.url));
const BODY = {
  inputs: [
    {
      name: 'input',
      datatype: 'FP32',
      shape: [1, 3, 32, 32],
      data: Array.from({ length: 3072 }, (_, i) => Math.sin(i)),
    },
  ],
};

/** Of the models, by the number of their version. */
const SEEDS: Readonly<Record<string, number>> = { 1: 21, 2: 22, 3: 23 };

let models: ModelFolder;
let gateway: GatewayProcess;
const children: ChildProcess[] = [];
beforeAll(async () => {
  models = await makeModelFolder();
  await models.add('net', smallConvNet());
  await makeHeads();
  gateway = await startGatewayProcess(['--models', models.path, '--listen', '127.0.0.1:0', '--threads', '1']);
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await gateway.kill('SIGKILL');
  await models.remove();
});

describe('with the weights of the head alone', () => {
  it('answers as the whole model does, changes versions and goes back, and has no weights of the tail on its disk', async () => {
    const state = join(models.path, '.device');
    const config = join(models.path, 'headed.yaml');
    await writeFile(
      config,
      [
        `broker: ${gateway.broker}`,
        'device: d1',
        'models: {headed: {policy: headed-source/policy.yaml}}',
        'listen: 127.0.0.1:0',
        `state: ${state}`,
        'connectTimeoutMs: 2000',
        'runtime: {threads: 1}',
        `updates: {keys: '${at('key.pem.pub')}', probationMs: 0}`,
      ].join('\n'),
    );
    let edge = await launch(EDGE, ['run', '--config', config]);
    const update = (version: string, kind = '.heads') =>
      askAgent(join(state, 'edge.sock'), {
        path: '/control/update',
        body: { model: 'headed', bundle: at(`${kind}/${version}`) },
      });
    const model = () => `${edge.ready.url}/v2/models/headed`;
    const answers = async (version: string) => {
      const { outputs, parameters, model_version } = await infer(model(), BODY);
      expect([model_version, parameters.gateway]).toEqual([version, gateway.gateway]);
      const expected = await answerOf(Number(SEEDS[version]));
      for (const [index, value] of expected.entries()) expect(outputs[0].data[index]).toBeCloseTo(value, 1);
    };

    expect(await update('1', 'headed')).toMatchObject({
      outcome: 'refused',
      reason: expect.stringMatching(/^placement-denied/),
    });
    expect(await filesBelow(state, 'blobs')).toEqual([]);
    expect(await update('1')).toMatchObject({ outcome: 'installed' });
    await answers('1');
    const { parameters } = await (await fetch(model())).json();
    expect(parameters.arms).not.toContain('device');
    const quantised = parameters.arms.filter((id: string) => id.endsWith('/uint8'));
    const { cut } = JSON.parse(await readFile(at('.heads/1/bundle.json'), 'utf8')).head;
    expect(quantised).toContain(`${cut}/uint8`);
    expect(quantised.length).toBeGreaterThan(1);
    for (const arm of quantised) await infer(model(), { ...BODY, parameters: { arm } });

    expect(await update('2')).toMatchObject({ outcome: 'installed' });
    await answers('2');
    const status = await askAgent(join(state, 'edge.sock'), { path: '/control/status' });
    const { head } = JSON.parse(await readFile(at('.heads/2/bundle.json'), 'utf8'));
    expect(status).toMatchObject({ models: { headed: { version: '2', headTo: head.cut } } });
    await askAgent(join(state, 'edge.sock'), { path: '/control/rollback', body: { model: 'headed' } });
    await answers('1');
    // Recordings of another model: the head is not what was recorded.
    expect(await update('3')).toMatchObject({ outcome: 'failed', step: 'trial' });
    await answers('1');
    await expectNoTail(state);

    // Power comes back before the link does.
    edge.child.kill('SIGKILL');
    await edge.ended;
    await gateway.kill('SIGKILL');
    edge = await launch(EDGE, ['run', '--config', config]);
    const alone = await ask(model(), BODY);
    expect(alone).toMatchObject({
      status: 503,
      json: { error: expect.stringMatching(/^(gateway-un|broker-un)/) },
    });
    expect(await ask(model(), { ...BODY, parameters: { arm: 'device' } })).toMatchObject({ status: 400 });
    const stored = await ask(model(), { ...BODY, parameters: { store: true } });
    expect(stored).toMatchObject({ status: 202, json: { parameters: { stored: 1 } } });
    const address = new URL(gateway.broker).host;
    gateway = await startGatewayProcess(['--models', models.path, '--listen', address, '--threads', '1']);
    await expect.poll(() => ask(model(), BODY), { timeout: 30_000 }).toMatchObject({ status: 200 });
    await answers('1');
    edge.child.kill('SIGTERM');
    expect(await edge.ended).toBe(0);
  }, 120_000);
});

it('answers over HTTP through a gateway, by itself once that is gone, and exits with 0 when told to stop', async () => {
  const config = join(models.path, 'edge.yaml');
  await writeFile(config, `broker: ${gateway.broker}\nmodels: {net: net/model.onnx}\nlisten: 127.0.0.1:0\n`);
  const edge = await launch(EDGE, ['run', '--config', config]);
  const model = `${edge.ready.url}/v2/models/net`;

  const { parameters } = await (await fetch(model)).json();
  const arm = parameters.arms.find((id: string) => id.endsWith('float32+deflate'));
  const local = await infer(model, { ...BODY, parameters: { arm: 'device' } });
  const split = await infer(model, { ...BODY, parameters: { arm } });
  expect(split.parameters).toMatchObject({ arm, gateway: gateway.gateway });
  expect(split.parameters).not.toHaveProperty('fallback');
  for (const [index, value] of split.outputs[0].data.entries()) {
    expect(value).toBeCloseTo(local.outputs[0].data[index], 4);
  }

  await gateway.kill('SIGKILL');
  const alone = await infer(model, BODY);
  expect(alone.outputs[0].data).toHaveLength(10);

  edge.child.kill('SIGTERM');
  expect(await edge.ended).toBe(0);
});

it.each([
  [[], /cutpoint-edge run/],
  [['run'], /broker/],
  [['run', '--model', 'net'], /NAME=PATH/],
  [
    ['run', '--broker', 'mqtt://127.0.0.1', '--model', 'net=/missing.onnx', '--listen', '0.0.0.0:1'],
    /loopback/,
  ],
])('exits with 2 for the command line %j', async (argv, message) => {
  let errors = '';
  const code = await runProgram({
    argv,
    writeOut: () => {},
    writeError: (text) => {
      errors += text;
    },
    stopRequested: () => new Promise(() => {}),
  });
  expect(errors).toMatch(message);
  expect(code).toBe(2);
});

const at = (path: string) => join(models.path, path);

/** `headed/N`: whole bundles, for the gateway; `.heads/N`: what devices get of them, up to a cut in the middle. */
async function makeHeads(): Promise<void> {
  await mkdir(at('headed-source'), { recursive: true });
  await writeFile(at('headed-source/policy.yaml'), 'placement: {tailWeights: cloud}\n');
  for (const version of Object.keys(SEEDS)) await bundle(version);
  // What was recorded is what another model makes there. Gateways need not have it: it is refused before that.
  await cp(at('.heads/2/trial'), at('.heads/3/trial'), { recursive: true });
  await run('bundle', at('.heads/3'), '--model', 'headed', '--model-version', '3', '--counter', '3');
  await rm(at('headed/3'), { recursive: true });
  await rm(at('headed-source/model.onnx'));
  await run('sign', at('headed/1'), '--generate-key', at('key.pem'));
  for (const path of ['.heads/1', '.heads/2', '.heads/3'])
    await run('sign', at(path), '--key', at('key.pem'));
}

async function bundle(version: string): Promise<void> {
  await writeFile(at('headed-source/model.onnx'), smallConvNet({ seed: Number(SEEDS[version]) }));
  const { cuts } = JSON.parse(await run('inspect', at('headed-source/model.onnx'), '--json'));
  const offered = cuts.filter((cut: { offered: boolean }) => cut.offered);
  const { id } = offered[offered.length >> 1];
  const settings = { inputs: { input: [1, 3, 32, 32] }, cuts: [id] };
  await writeFile(at('headed-source/cutpoint.json'), JSON.stringify(settings));
  const names = ['--model', 'headed', '--model-version', version, '--counter', version];
  const places = ['--out', at(`headed/${version}`), '--head-to', id, '--head-out', at(`.heads/${version}`)];
  await run('bundle', at('headed-source'), ...names, ...places);
}

async function run(...args: string[]): Promise<string> {
  const { code, out, error } = await runCutpoint(...args);
  expect(error).toBe('');
  expect(code).toBe(0);
  return out;
}

/** By ONNX Runtime itself. */
async function answerOf(seed: number): Promise<readonly number[]> {
  const runtime = directRuntime();
  const model = await runtime.load({ bytes: smallConvNet({ seed }) });
  const [{ shape, data }] = BODY.inputs as [(typeof BODY.inputs)[number]];
  const feeds = { input: { type: 'float32', dims: shape, data: Float32Array.from(data) } as const };
  const { values } = await runtime.run({ models: [model], feeds, fetches: ['output'] });
  await runtime.close();
  return [...(values.output?.data ?? [])].map(Number);
}

/** No file of the device has any weight of 256 bytes or more that its head does not have. */
async function expectNoTail(state: string): Promise<void> {
  const here = Buffer.concat(await Promise.all((await filesBelow(state)).map((path) => readFile(path))));
  for (const version of ['1', '2']) {
    const whole = readModel(await readFile(at(`headed/${version}/model.onnx`)));
    const head = readModel(await readFile(at(`.heads/${version}/model.onnx`)));
    const own = new Set(head.graph.initializers.map(({ name }) => name));
    const bytesOf = ({ raw }: { raw: { offset: number; length: number } | null }) =>
      Buffer.from(whole.bytes.subarray(raw?.offset ?? 0, (raw?.offset ?? 0) + (raw?.length ?? 0)));
    const large = whole.graph.initializers.filter(({ raw }) => (raw?.length ?? 0) >= 256);
    const [kept, left] = [true, false].map((is) => large.filter(({ name }) => own.has(name) === is));
    expect(kept?.length).toBeGreaterThan(0);
    expect(left?.length).toBeGreaterThan(0);
    for (const tensor of kept ?? []) expect(here.includes(bytesOf(tensor)), tensor.name).toBe(true);
    for (const tensor of left ?? [])
      expect(here.includes(bytesOf(tensor).subarray(0, 64)), tensor.name).toBe(false);
  }
}

async function filesBelow(...path: string[]): Promise<readonly string[]> {
  const entries = await readdir(join(...path), { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
}

async function infer(model: string, body: unknown) {
  const { json } = await ask(model, body);
  expect(json).not.toHaveProperty('error');
  return json;
}

async function ask(model: string, body: unknown) {
  const headers = { 'content-type': 'application/json' };
  const reply = await fetch(`${model}/infer`, { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: reply.status, json: await reply.json() };
}

/** A program from source, and the line of JSON that it prints when it is ready. */
async function launch(program: string, args: readonly string[]) {
  const child = spawn(process.execPath, [program, ...args, '--log-level', 'warn'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
  const line = new Promise<string>((resolve) => createInterface(child.stdout).once('line', resolve));
  const failed = ended.then((how) => Promise.reject(new Error(`${program} ended with ${how}`)));
  failed.catch(() => {}); // It ends some time; only the wait for its line may fail by that.
  return { child, ended, ready: JSON.parse(await Promise.race([line, failed])) };
}
