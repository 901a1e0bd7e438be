import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOrtNode, type Runtime } from '@cutpoint/sdk/gateway';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { smallConvNet } from '../../../test/support/models/small-conv-net.ts';
import { type Agent, startAgent } from '../agent.ts';
import { loadConfig } from '../config.ts';
import { createLog } from '../service/log.ts';

const NOBODY = 'mqtt://127.0.0.1:1';
const SHAPE = [2, 3, 32, 32];
const DATA = Array.from({ length: 2 * 3 * 32 * 32 }, (_, index) => Math.fround(Math.sin(index)));

let directory: string;
let agent: Agent;
let runtime: Runtime;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cutpoint-edge-'));
  const path = join(directory, 'net.onnx');
  await writeFile(path, smallConvNet());
  const config = await loadConfig({
    flags: {
      broker: NOBODY,
      models: { net: path },
      listen: '127.0.0.1:0',
      state: join(directory, 'state'),
      drainMs: 1_000,
      logLevel: 'silent',
    },
  });
  agent = await startAgent(config, { version: '1.2.3', log: createLog(config) });
  runtime = await createOrtNode({ threads: 1 });
});
afterAll(async () => {
  await agent.stop();
  await runtime.close();
  await rm(directory, { recursive: true });
});

describe('the API, while the broker is away', () => {
  it('is alive and ready and says what it is', async () => {
    expect(await get('/v2')).toEqual({
      status: 200,
      body: { name: 'cutpoint-edge', version: '1.2.3', extensions: ['binary_tensor_data'] },
    });
    expect(await get('/v2/health/live')).toEqual({ status: 200, body: { live: true } });
    expect(await get('/v2/health/ready')).toEqual({ status: 200, body: { ready: true } });
    expect(await get('/v2/models/net/ready')).toEqual({ status: 200, body: { name: 'net', ready: true } });
  });

  it('describes a model, with -1 for what is not fixed', async () => {
    const { body } = await get('/v2/models/net');
    expect(body).toMatchObject({
      name: 'net',
      inputs: [{ name: 'input', datatype: 'FP32', shape: [-1, 3, 32, 32] }],
      outputs: [{ name: 'output', datatype: 'FP32', shape: [-1, 10] }],
    });
  });

  it('answers with the model on the device, and says that and why', async () => {
    // The first answer also measures the device; only the second had the choice.
    await infer({ inputs: [INPUT] });
    const { status, body } = await infer({ id: 'r1', inputs: [INPUT], outputs: [{ name: 'output' }] });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      model_name: 'net',
      id: 'r1',
      parameters: { cut: 'device', fallback: 'local', reason: 'gateway-unavailable' },
      outputs: [{ name: 'output', datatype: 'FP32', shape: [2, 10] }],
    });
    const expected = await wholeModel();
    const { data } = (body as { outputs: { data: number[] }[] }).outputs[0] ?? { data: [] };
    expect(data).toHaveLength(expected.length);
    for (const [index, value] of expected.entries()) expect(data[index]).toBeCloseTo(value, 4);
  });

  it.each([
    ['no such model', '/v2/models/other/infer', { inputs: [] }, 404, /model-unknown/],
    ['no inputs', '/v2/models/net/infer', { inputs: [] }, 400, /input-name.*'input'/],
    ['an input twice', '/v2/models/net/infer', { inputs: [makeInput(), makeInput()] }, 400, /twice/],
    [
      'another datatype',
      '/v2/models/net/infer',
      { inputs: [{ ...makeInput(), datatype: 'FP64' }] },
      400,
      /input-type/,
    ],
    [
      'another shape',
      '/v2/models/net/infer',
      { inputs: [{ ...makeInput(), shape: [1] }] },
      400,
      /input-shape/,
    ],
    [
      'an output that is not there',
      '/v2/models/net/infer',
      { inputs: [makeInput()], outputs: [{ name: 'x' }] },
      400,
      /'x'/,
    ],
    ['a body that is not a request', '/v2/models/net/infer', { inputs: 1 }, 400, /inputs: .*expected array/],
    ['another path', '/v3', {}, 404, /\/v3/],
  ])('refuses %s', async (_what, path, body, status, message) => {
    const reply = await post(path, body);
    expect(reply.status).toBe(status);
    expect(reply.body).toEqual({ error: expect.stringMatching(message) });
  });

  it('refuses a request without a body', async () => {
    const reply = await fetch(`${agent.url}/v2/models/net/infer`, { method: 'POST' });
    const body = await reply.json();
    expect({ status: reply.status, body }).toMatchObject({
      status: 400,
      body: { error: expect.stringMatching(/^options-invalid: request: inputs/) },
    });
  });

  it('refuses text that is not JSON, and what is not said to be JSON', async () => {
    const broken = await fetch(`${agent.url}/v2/models/net/infer`, {
      method: 'POST',
      body: '{',
      headers: JSON_HEADERS,
    });
    expect(broken.status).toBe(400);
    const plain = await fetch(`${agent.url}/v2/models/net/infer`, { method: 'POST', body: '{"inputs": []}' });
    expect(plain.status).toBe(415);
    const page = { method: 'POST', headers: { origin: 'http://page.example' }, body: new Uint8Array(2) };
    expect((await fetch(`${agent.url}/v2/models/net/infer`, page)).status).toBe(415);
  });

  it('takes and gives tensors as bytes after the JSON', async () => {
    const bytes = Buffer.from(Float32Array.from(DATA).buffer);
    const json = JSON.stringify({
      inputs: [{ ...INPUT, data: undefined, parameters: { binary_data_size: bytes.length } }],
      parameters: { binary_data_output: true },
    });
    const reply = await fetch(`${agent.url}/v2/models/net/infer`, {
      method: 'POST',
      headers: { 'inference-header-content-length': String(json.length) },
      body: Buffer.concat([Buffer.from(json), bytes]),
    });
    expect(reply.status).toBe(200);
    const length = Number(reply.headers.get('inference-header-content-length'));
    const body = new Uint8Array(await reply.arrayBuffer());
    const values = new Float32Array(body.slice(length).buffer);
    const expected = await wholeModel();
    expect(values).toHaveLength(expected.length);
    for (const [index, value] of expected.entries()) expect(values[index]).toBeCloseTo(value, 4);
  });

  it('refuses a name that is not this machine’s, as a web page could give it', async () => {
    const { port } = new URL(agent.url);
    const status = await new Promise((resolve, reject) => {
      const sent = request({ port, path: '/v2', headers: { host: 'evil.example' } }, (reply) =>
        resolve(reply.resume().statusCode),
      );
      sent.once('error', reject).end();
    });
    expect(status).toBe(400);
  });
});

const JSON_HEADERS = { 'content-type': 'application/json' };
const INPUT = makeInput();

function makeInput() {
  return { name: 'input', datatype: 'FP32', shape: SHAPE, data: DATA };
}

async function get(path: string) {
  const reply = await fetch(agent.url + path);
  return { status: reply.status, body: await reply.json() };
}

async function post(path: string, body: unknown) {
  const reply = await fetch(agent.url + path, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: JSON_HEADERS,
  });
  return { status: reply.status, body: await reply.json() };
}

function infer(body: unknown) {
  return post('/v2/models/net/infer', body);
}

async function wholeModel(): Promise<Float32Array> {
  const loaded = await runtime.load({ bytes: smallConvNet() });
  const input = { type: 'float32', dims: SHAPE, data: Float32Array.from(DATA) } as const;
  const { values } = await runtime.run({ models: [loaded], feeds: { input }, fetches: ['output'] });
  return values.output?.data as Float32Array;
}
