/** The gateway's page in Chromium, on a phone: it follows what happens, fits the screen, keeps its place, and needs nobody else. */
import { createCodec, deflateNode, sampleTensor } from '@cutpoint/sdk/gateway';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasChromium, openChromium } from '../support/chromium.ts';
import {
  connectDevice,
  type Device,
  type ModelFolder,
  makeModelFolder,
  type SpawnedGateway,
  spawnGateway,
} from '../support/gateway-process.ts';
import { smallConvNet } from '../support/models/small-conv-net.ts';

describe.skipIf(!hasChromium())('the live page of a gateway', () => {
  let models: ModelFolder;
  let gateway: SpawnedGateway;
  let device: Device;
  let browser: Browser;
  let page: Page;
  let url: string;
  const complaints: string[] = [];
  const asked: string[] = [];

  beforeAll(async () => {
    models = await makeModelFolder({ net: { model: smallConvNet(), inputs: { input: [1, 3, 32, 32] } } });
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
    browser = await openChromium();
    page = await browser.newPage({ viewport: { width: 390, height: 844 } });
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('request', (request) => asked.push(request.url()));
  });
  afterAll(async () => {
    await browser?.close();
    await device?.close();
    gateway.child.kill('SIGKILL');
    await gateway.ended;
    await models.remove();
  });

  const heading = () => page.locator('h1').textContent();
  const status = () => page.locator('[role=status]').textContent();

  async function send(count: number) {
    const { gateway: id, models: served } = await device.client.waitForGateway('net', { deadlineMs: 5_000 });
    const tensor = sampleTensor({ type: 'float32', dims: [1, 3, 32, 32], seed: 1 });
    const frame = await createCodec({ deflate: deflateNode() }).encode(tensor, 'float32');
    const digest = served[0]?.digest ?? '';
    const request = { model: 'net', digest, cut: 'input', fetches: ['output'], replyProfile: 'float32' };
    for (let i = 0; i < count; i++)
      await device.client.request(
        id,
        { ...request, tensors: [{ name: 'input', frame }] },
        { deadlineMs: 5_000 },
      );
  }

  it('shows what happens after it was opened, without being asked', async () => {
    await page.goto(url);
    expect(await heading()).toMatch(/^Serving 1 model for 0 devices: 0 requests/);
    await send(5);
    await expect.poll(heading, { timeout: 10_000 }).toMatch(/^Serving 1 model for 1 device: 0\.\d+ requests/);
    await expect.poll(status).toBe('Live');
    const cells = await page.locator('section:has(h2:text("Cuts in use")) tbody td').allTextContents();
    expect(cells.slice(0, 3)).toEqual(['net 1', 'input', '100']);
  });

  it('keeps what a reader selected and where the reader is, while numbers change', async () => {
    await page.locator('h2:text("Devices")').scrollIntoViewIfNeeded();
    const before = await page.evaluate(() => {
      getSelection()?.selectAllChildren(document.querySelector('h2') as Node);
      return scrollY;
    });
    const requests = () => page.locator('section:has(h2:text("Devices")) tbody td').nth(4).textContent();
    await send(2);
    await expect.poll(requests, { timeout: 10_000 }).toBe('7');
    expect(await page.evaluate(() => [scrollY, getSelection()?.toString()])).toEqual([before, 'Models']);
  });

  it.each([
    ['a phone', 390],
    ['a desk', 1280],
  ])('fits the screen of %s, in light and dark', async (_what, width) => {
    await page.setViewportSize({ width, height: 844 });
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      const seen = await page.evaluate(() => ({
        overflow: document.documentElement.scrollWidth - innerWidth,
        paper: getComputedStyle(document.body).backgroundColor,
        // Charts are drawn to be read where they are, not scrolled to.
        charts: [...document.querySelectorAll('svg')].every(
          (svg) => svg.getBoundingClientRect().width <= innerWidth,
        ),
      }));
      expect(seen).toEqual({
        overflow: expect.toSatisfy((pixels: number) => pixels <= 0),
        paper: colorScheme === 'light' ? 'rgb(255, 255, 255)' : 'rgb(22, 24, 26)',
        charts: true,
      });
    }
  });

  it('asks nobody but the gateway, and breaks none of its own rules', () => {
    expect(new Set(asked.map((address) => new URL(address).origin))).toEqual(new Set([new URL(url).origin]));
    // A browser asks for an icon by itself.
    expect(complaints.filter((text) => !/favicon|404/.test(text))).toEqual([]);
  });

  it('says so when the gateway is gone', async () => {
    gateway.child.kill('SIGKILL');
    await expect.poll(status, { timeout: 10_000 }).toMatch(/does not answer/);
    expect(await heading()).toMatch(/^Serving 1 model/);
  });
});
