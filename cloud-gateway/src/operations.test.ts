/** Health, metrics and the page of the real program, with a real device that sends to it. */
import { systemClock } from '@cutpoint/sdk';
import { createCodec, deflateNode, sampleTensor } from '@cutpoint/sdk/gateway';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  connectDevice,
  type Device,
  type ModelFolder,
  makeModelFolder,
  type SpawnedGateway,
  spawnGateway,
} from '../../test/support/gateway-process.ts';
import { smallConvNet } from '../../test/support/models/small-conv-net.ts';

let models: ModelFolder;
let gateway: SpawnedGateway;
let device: Device;
let url: string;

beforeAll(async () => {
  models = await makeModelFolder();
  await models.add('net', smallConvNet(), { inputs: { input: [1, 3, 32, 32] } });
  const args = [
    '--models',
    models.path,
    '--listen',
    '127.0.0.1:0',
    '--http',
    '127.0.0.1:0',
    '--threads',
    '1',
  ];
  gateway = spawnGateway(args);
  const { broker, http = '' } = await gateway.ready;
  url = http;
  device = await connectDevice(broker);
  for (let i = 0; i < 3; i++) await ask('input');
  await expect(ask('f'.repeat(16))).rejects.toMatchObject({ code: 'cut-invalid' });
});
afterAll(async () => {
  await device?.close();
  gateway.child.kill('SIGKILL');
  await gateway.ended;
  await models.remove();
});

async function ask(cut: string) {
  const { gateway: id, models: served } = await device.client.waitForGateway('net', { deadlineMs: 5_000 });
  const codec = createCodec({ deflate: deflateNode() });
  const tensor = sampleTensor({ type: 'float32', dims: [64, 3, 32, 32], seed: 1 });
  const tensors = [{ name: 'input', frame: await codec.encode(tensor, 'float32') }];
  const digest = served[0]?.digest ?? '';
  const request = { model: 'net', digest, cut, tensors, fetches: ['output'], replyProfile: 'float32' };
  return await device.client.request(id, request, { deadlineMs: 5_000 });
}

describe('the gateway over HTTP', () => {
  it('is live and ready', async () => {
    for (const [path, answer] of [
      ['live', { live: true }],
      ['ready', { ready: true }],
    ] as const) {
      const response = await fetch(`${url}/v2/health/${path}`);
      expect(response.status).toBe(200);
      expect(await response.json()).toEqual(answer);
    }
    expect((await fetch(`${url}/nothing`)).status).toBe(404);
  });

  it('refuses a request without a body by what it lacks', async () => {
    const response = await fetch(`${url}/v2/models/net/infer`, { method: 'POST' });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: expect.stringMatching(/^options-invalid: .*inputs/),
    });
  });

  it('does nothing that a page elsewhere asks for without being asked back', async () => {
    const headers = { origin: 'https://elsewhere.example' };
    for (const body of [undefined, '{}']) {
      const path = `${url}/v2/repository/models/net/unload`;
      const response = await fetch(path, { method: 'POST', headers, ...(body && { body }) });
      expect(response.status).toBe(415);
    }
    expect((await fetch(`${url}/v2/models/net/ready`)).status).toBe(200);
  });

  it('counts what it did', async () => {
    const text = await (await fetch(`${url}/metrics`)).text();
    const value = (start: string) =>
      Number(
        text
          .split('\n')
          .find((line) => line.startsWith(start))
          ?.split(' ')
          .at(-1),
      );
    expect(value('cutpoint_requests_total{model="net",version="1",via="mqtt",cut="input"}')).toBe(3);
    expect(value('cutpoint_refusals_total{model="net",version="1",via="mqtt",code="cut-invalid"')).toBe(1);
    expect(
      value('cutpoint_stage_duration_seconds_sum{model="net",version="1",stage="tail"}'),
    ).toBeGreaterThan(0);
    expect(value('cutpoint_model_state{model="net",version="1",state="ready"}')).toBe(1);
    expect(value('cutpoint_build_info{')).toBe(1);
    // Each series once, and none with the name of a device.
    const series = text.split('\n').filter((line) => /^[a-z]/.test(line));
    expect(new Set(series.map((line) => line.replace(/ [^ ]+$/, ''))).size).toBe(series.length);
    expect(text).not.toMatch(/device=|camera/);
  });

  it('shows a page that needs no script and no other host, with the device on it', async () => {
    const response = await fetch(url);
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    const html = await response.text();
    expect(html).toMatch(/<h1>Serving 1 model for 1 device: .* answered/);
    expect(html).not.toMatch(/(src|href)=/);
    // 786 KB in parts: the link is known.
    expect(html).toMatch(/<td>[0-9a-f]{24}<\/td><td class="number">\d+<\/td><td class="number">[\d.]+<\/td>/);
  });

  it('sends what changed to whoever watches, until it stops', async () => {
    const response = await fetch(`${url}/live`);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    let text = '';
    while (!text.includes('data: "<h1>Serving 1 model'))
      text += new TextDecoder().decode((await reader.read()).value);
    const started = systemClock().nowMs();
    gateway.child.kill('SIGTERM');
    while (!(await reader.read()).done);
    expect(await gateway.ended).toBe(0);
    // Viewers do not hold it up until the drain's end.
    expect(systemClock().nowMs() - started).toBeLessThan(9_000);
  });
});
