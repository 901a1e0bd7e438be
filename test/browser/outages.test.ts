/** A page's session when things go away: its tab, its broker, its gateway, its network. Real ones, each really gone. */
import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Tensor } from '../../sdk/src/tensor.ts';
import { hasChromium, openTabbedChromium, type TabbedChromium } from '../support/chromium.ts';
import {
  type GatewayProcess,
  type ModelFolder,
  makeModelFolder,
  startGatewayProcess,
} from '../support/gateway-process.ts';
import { randomNumbers, randomTensor } from '../support/models/random-weights.ts';
import { smallConvNet } from '../support/models/small-conv-net.ts';
import { freePort, type Mosquitto, mosquittoMissing, startMosquitto } from '../support/mosquitto.ts';
import { relativeError } from '../support/split-runs.ts';
import { openGate, type TcpGate } from '../support/tcp-gate.ts';
import { startWebServer, type WebServer } from '../support/web-server.ts';
import { driveSessionPage, type SessionDriver, sessionPageFiles } from './session-driver.ts';

const input = randomTensor(randomNumbers(4), [4, 3, 32, 32]);
const missing = hasChromium() ? mosquittoMissing() : 'there is no Chromium';
const OUTAGE = ['gateway-unavailable', 'broker-unreachable', 'deadline-exceeded'];
const UNTIL = { timeout: 20_000, interval: 100 };
let folder: ModelFolder;
let broker: Mosquitto;
let network: TcpGate;
let gateway: GatewayProcess;
let server: WebServer;
let chromium: TabbedChromium;
let tab: Page;
let page: SessionDriver;
let arm: string;
let local: Tensor | undefined;

beforeAll(async () => {
  if (missing) return;
  folder = await makeModelFolder({ net: { model: smallConvNet(), inputs: { input: input.dims } } });
  const webPort = await freePort();
  broker = await startMosquitto({
    files: async ({ port }) => [{ name: 'mosquitto.conf', text: configuration(port, webPort) }],
  });
  network = await openGate(webPort);
  await startGateway();
  const model = { '/net.onnx': await readFile(folder.model('net')) };
  server = await startWebServer({ isStrict: true, files: { ...(await sessionPageFiles()), ...model } });
  chromium = await openTabbedChromium();
  tab = await chromium.context.newPage();
  page = await driveSessionPage(tab, server.url);
  await open();
  arm = (await page.arms()).find((id) => id.endsWith('/float32') && !id.startsWith('input')) ?? '';
  local = (await page.run({ input }, { arm: 'device' })).outputs.output;
}, 120_000);
afterAll(async () => {
  await chromium?.close();
  await server?.close();
  await gateway?.kill('SIGKILL');
  await network?.close();
  await broker?.close();
  await folder?.remove();
});

async function startGateway(): Promise<void> {
  gateway = await startGatewayProcess(['--models', folder.path, '--broker', broker.url, '--threads', '1']);
}

function open(connectTimeoutMs = 20_000): Promise<string> {
  return page.open('/net.onnx', {
    ...{ broker: `ws://127.0.0.1:${network.port}`, model: 'net', assets: '/cutpoint/' },
    ...{ profiles: ['float32'], inputShapes: { input: input.dims }, deadlineMs: 5_000, connectTimeoutMs },
  });
}

function configuration(port: number, webPort: number): string {
  const own = ['allow_anonymous true', 'set_tcp_nodelay true', 'persistence false'];
  return [`listener ${port} 127.0.0.1`, `listener ${webPort} 127.0.0.1`, 'protocol websockets', ...own].join(
    '\n',
  );
}

/** Who answered a run, whose outputs must be right in any case. */
async function answeredBy(): Promise<string> {
  const { outputs, trace } = await page.run({ input }, { arm });
  expect(relativeError(outputs.output, local)).toBeLessThan(1e-4);
  return trace.gateway === undefined ? `the device: ${trace.reason}` : 'the cloud';
}
const oneOfOutages = expect.stringMatching(new RegExp(`^the device: (${OUTAGE.join('|')})$`));

describe.skipIf(missing)('a session in a page', { timeout: 120_000 }, () => {
  it('goes on in a hidden tab, whose timers the browser holds back', async () => {
    const other = await chromium.context.newPage();
    await other.bringToFront();
    await expect.poll(() => tab.evaluate(() => document.visibilityState), UNTIL).toBe('hidden');
    const answers = await page.runMany({ input }, { arm, count: 20 });
    expect(answers.map(({ trace }) => trace.fallback)).toEqual(Array(20).fill(undefined));
    expect(await tab.evaluate(() => document.visibilityState)).toBe('hidden');
    await tab.bringToFront();
    await other.close();
    await expect.poll(() => tab.evaluate(() => document.visibilityState), UNTIL).toBe('visible');
  });

  it('answers on the device while its broker is gone, and by the cloud once it is back', async () => {
    expect(await answeredBy()).toBe('the cloud');
    await broker.kill();
    expect(await answeredBy()).toEqual(oneOfOutages);
    await broker.restart();
    await expect.poll(answeredBy, UNTIL).toBe('the cloud');
  });

  it('answers on the device once its gateway was killed, and by the next one', async () => {
    const answers = Promise.all(Array.from({ length: 10 }, answeredBy));
    await gateway.kill('SIGKILL');
    for (const answer of await answers) expect(['the cloud', oneOfOutages]).toContainEqual(answer);
    expect(await answeredBy()).toEqual(oneOfOutages);
    await startGateway();
    await expect.poll(answeredBy, UNTIL).toBe('the cloud');
  });

  it('answers on the device without a network, from the model that it kept', async () => {
    await network.close();
    await page.release();
    // The page is there; neither its model's server nor its broker is.
    server.refuse('/net.onnx');
    await open(0);
    await page.run({ input }, { arm: 'device' });
    expect(await answeredBy()).toEqual(oneOfOutages);
    await page.release();
    // A browser says by itself what could not be reached.
    expect(
      page.complaints.filter((text) => !/WebSocket connection|Failed to load resource/.test(text)),
    ).toEqual([]);
  });
});
