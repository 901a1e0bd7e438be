/** The agent in a fleet, over a real broker: presence, commands, inputs and results, Home Assistant, files, bundles over MQTT. */
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectMqtt, encodeNpy, type Transport } from '@cutpoint/sdk/gateway';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createPublisher, type Publisher, QUESTION } from '../../../test/ota/bundles.ts';
import { type AedesBroker, startAedes } from '../../../test/support/aedes.ts';
import { smallConvNet } from '../../../test/support/models/small-conv-net.ts';
import { type Agent, startAgent } from '../agent.ts';
import { loadConfig } from '../config.ts';
import { serveBundles } from '../models/serve-bundles.ts';
import { createLog, type Log } from '../service/log.ts';
import { askAgent } from '../verbs/ask-agent.ts';
import { pauseAfter } from './byte-budget.ts';

const OWN = 'cutpoint/edge/d1';
const LABELS = Array.from({ length: 10 }, (_, index) => `class ${index}`);
let folder: string;
let broker: AedesBroker;
let fleet: Transport;
let publisher: Publisher;
let log: Log;
let agent: Agent;
let stopServing: () => Promise<void>;
const messages: { readonly topic: string; readonly body: Record<string, unknown> }[] = [];
let heard: () => void = () => {};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-fleet-'));
  broker = await startAedes();
  fleet = await connectMqtt({ url: broker.url });
  for (const filter of [`${OWN}/+`, `${OWN}/out/+`, 'homeassistant/#'])
    await fleet.subscribe(filter, (topic, payload) => {
      const text = Buffer.from(payload).toString();
      messages.push({ topic, body: text.startsWith('{') ? JSON.parse(text) : { text } });
      heard();
    });
  publisher = await createPublisher();
  stopServing = await serveBundles(fleet, 'cutpoint', publisher.folder);
  await writeFile(join(folder, 'net.onnx'), smallConvNet({ seed: 3 }));
  await writeFile(join(folder, 'labels.txt'), LABELS.join('\n'));
  const path = join(folder, 'edge.yaml');
  await writeFile(
    path,
    [
      `broker: ${broker.url}`,
      'device: d1',
      'models: {net: {path: net.onnx, labels: labels.txt}}',
      'listen: 127.0.0.1:0',
      'connectTimeoutMs: 0',
      'logLevel: silent',
      'mqttInputs: true',
      'homeAssistant: true',
      'watch: {folder: inbox, model: net}',
      `updates: {keys: '${publisher.keyPath}', probationMs: 0}`,
    ].join('\n'),
  );
  const config = await loadConfig({ path, flags: {} });
  const root = join(folder, 'root');
  await mkdir(join(root, 'sys/devices/system/cpu/cpu0/thermal_throttle'), { recursive: true });
  await writeFile(join(root, 'sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count'), '7\n');
  log = createLog(config);
  agent = await startAgent(config, { version: '1.2.3', log, root });
});
afterAll(async () => {
  await agent?.stop();
  await stopServing?.();
  await fleet?.close();
  await broker?.close();
  await publisher?.close();
  await rm(folder, { recursive: true, force: true });
});

describe('an agent in a fleet', () => {
  it('is born on every connect, reports what is, and says when it stops', async () => {
    const born = await message(`${OWN}/st`, ({ state }) => state === 'online');
    expect(born).toMatchObject({ agent: '1.2.3', models: ['net'] });
    expect(await message(`${OWN}/reported`, () => true)).toMatchObject({
      models: { net: { version: 'base' } },
    });
  });

  it('answers an input over MQTT with the best class, and an input that is none with its error', async () => {
    const input = {
      name: 'input',
      datatype: 'FP32',
      shape: [1, 3, 32, 32],
      data: [...(QUESTION.data as Float32Array)],
    };
    await say('in/net', { id: 'q1', inputs: [input] });
    const result = await message(`${OWN}/out/net`, ({ id }) => id === 'q1');
    const expected = [...(await publisher.answerOf(3))];
    const best = expected.indexOf(Math.max(...expected));
    expect(result).toMatchObject({
      model_name: 'net',
      model_version: 'base',
      summary: { index: best, label: `class ${best}` },
    });
    expect(result.sequence).toBeGreaterThan(0);
    await say('in/net', { id: 'q2', inputs: [] });
    expect(await message(`${OWN}/out/net`, ({ id }) => id === 'q2')).toMatchObject({
      error: expect.stringMatching(/^input-name: /),
    });
  });

  it('takes tensors from a folder, answers them in files, and puts aside what cannot be answered', async () => {
    await writeFile(join(folder, 'inbox/.one.npy'), encodeNpy(QUESTION));
    await rename(join(folder, 'inbox/.one.npy'), join(folder, 'inbox/one.npy'));
    await writeFile(join(folder, 'inbox/two.json'), '{');
    const answered = await fileThere(join(folder, 'inbox/results/one.npy.result.json'));
    expect(answered).toMatchObject({ model_name: 'net', outputs: [{ shape: [1, 10] }] });
    expect(await fileThere(join(folder, 'inbox/failed/two.json.error.json'))).toMatchObject({
      error: expect.stringContaining('not JSON'),
    });
  });

  it('is found by Home Assistant, and again when that starts anew', async () => {
    const topic = 'homeassistant/sensor/d1/net/config';
    const found = await message(topic, () => true);
    expect(found).toMatchObject({
      unique_id: 'cutpoint_d1_net',
      state_topic: `${OWN}/out/net`,
      availability_topic: `${OWN}/st`,
    });
    const before = messages.filter((each) => each.topic === topic).length;
    await fleet.publish('homeassistant/status', Buffer.from('online'));
    await until(() => messages.filter((each) => each.topic === topic).length > before);
  });

  it('does a command once, and answers it as often as it comes', async () => {
    await say('cmd', { transaction: 't1', command: 'status' });
    const first = await message(`${OWN}/ack`, ({ transaction }) => transaction === 't1');
    expect(first).toMatchObject({
      outcome: 'done',
      result: { device: 'd1', broker: 'connected', machine: { throttleCount: 7 } },
    });
    await say('cmd', { transaction: 't1', command: 'status' });
    await until(() => messages.filter(({ body }) => body.transaction === 't1' && body.outcome).length === 2);
    const [one, two] = messages.filter(({ body }) => body.transaction === 't1' && body.outcome);
    expect(two?.body).toEqual(one?.body);
    await say('cmd', { transaction: 't2', command: 'dance' });
    expect(await message(`${OWN}/ack`, ({ transaction }) => transaction === null)).toMatchObject({
      outcome: 'refused',
    });
    await say('cmd', { transaction: 't3', command: 'rollback' });
    expect(await message(`${OWN}/ack`, ({ transaction }) => transaction === 't3')).toMatchObject({
      outcome: 'refused',
      reason: expect.stringMatching(/^model-unknown/),
    });
  });

  it('takes a policy and a bundle over MQTT, in steps, and says why it refuses a wish', async () => {
    await publisher.publish({ seed: 11, version: '2', counter: 2 });
    const told = vi.spyOn(log, 'info');
    await say(
      'desired',
      { version: 1, models: { net: { bundle: 'mqtt:2', policy: { deadlineMs: 700 } } } },
      true,
    );
    const done = await message(
      `${OWN}/reported`,
      ({ desired }) => stepsOf(desired).every((state) => state === 'done') && stepsOf(desired).length === 2,
    );
    expect(done).toMatchObject({
      models: { net: { version: '2', policy: { deadlineMs: 700 }, last: { outcome: 'installed' } } },
    });
    const installed = { model: 'net', outcome: 'installed', step: 'switch', version: '2' };
    expect(told).toHaveBeenCalledWith(expect.objectContaining(installed), expect.any(String));
    told.mockRestore();
    await say('desired', { version: 2, models: { other: { policy: {} } } }, true);
    const refused = await message(`${OWN}/reported`, ({ desired }) => stepsOf(desired).includes('refused'));
    expect(JSON.stringify(refused)).toContain("model 'other' is not here");
    await say('desired', { version: 3, mdoels: {} }, true);
    expect(
      await message(`${OWN}/reported`, ({ desiredRefused }) => desiredRefused !== undefined),
    ).toMatchObject({ desiredRefused: expect.stringContaining('mdoels') });
  });

  it('can be asked and told over its Unix socket', async () => {
    const socket = join(folder, '.cutpoint/edge.sock');
    expect(await askAgent(socket, { path: '/control/status' })).toMatchObject({
      models: { net: { version: '2' } },
    });
    expect(await askAgent(socket, { path: '/v2/models/net' })).toMatchObject({
      name: 'net',
      versions: ['2'],
    });
    const outcome = await askAgent(socket, { path: '/control/rollback', body: { model: 'net' } });
    expect(outcome).toMatchObject({ outcome: 'rolled-back', step: 'by-hand', version: '2' });
    expect(await askAgent(socket, { path: '/v2/models/net' })).toMatchObject({ versions: ['base'] });
    await expect(askAgent(socket, { path: '/control/update', body: { model: 'net' } })).rejects.toMatchObject(
      { code: 'options-invalid' },
    );
  });
});

it('health keeps to its bytes, however large one message is', () => {
  const budget = { bytesPerDay: 100_000, minPauseMs: 10_000 };
  let [spent, atMs, bytes] = [0, 0, 100];
  while (atMs < 86_400_000) {
    spent += bytes + 8;
    atMs += pauseAfter(budget, bytes);
    bytes = 100 + ((bytes * 7) % 3_000);
  }
  expect(spent - bytes).toBeLessThanOrEqual(100_000 + 3_200);
  expect(pauseAfter(budget, 1)).toBe(10_000);
});

function stepsOf(desired: unknown): readonly string[] {
  return ((desired as { steps?: { state: string }[] } | undefined)?.steps ?? []).map(({ state }) => state);
}

const say = (topic: string, body: object, retain = false) =>
  fleet.publish(`${OWN}/${topic}`, Buffer.from(JSON.stringify(body)), { retain });

async function message(
  topic: string,
  isSo: (body: Record<string, unknown>) => boolean,
): Promise<Record<string, unknown>> {
  const find = () => messages.find((each) => each.topic === topic && isSo(each.body));
  await until(() => find() !== undefined);
  return find()?.body ?? {};
}

async function fileThere(path: string): Promise<unknown> {
  let text: string | undefined;
  for (let tries = 0; tries < 400 && text === undefined; tries++) {
    text = await readFile(path, 'utf8').catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return JSON.parse(text ?? 'null');
}

function until(isSo: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`it never came; last: ${JSON.stringify(messages.slice(-4)).slice(0, 1_500)}`)),
      20_000,
    );
    heard = () => {
      if (!isSo()) return;
      clearTimeout(timer);
      resolve();
    };
    heard();
  });
}
