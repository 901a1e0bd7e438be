/** What takes longer in a page: 500 requests and what browser and workers hold meanwhile, and WebGPU without a graphics processor. */
import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import type { Tensor } from '../../sdk/src/tensor.ts';
import type { WebSessionOptions } from '../../sdk/src/web.ts';
import { driveSessionPage, type SessionDriver, sessionPageFiles } from '../browser/session-driver.ts';
import { openChromium, WEBGPU_FLAGS } from '../support/chromium.ts';
import { directRuntime } from '../support/direct-runtime.ts';
import { makeModelFolder, startGatewayProcess } from '../support/gateway-process.ts';
import { randomNumbers, randomTensor } from '../support/models/random-weights.ts';
import { smallConvNet } from '../support/models/small-conv-net.ts';
import { relativeError } from '../support/split-runs.ts';
import { startWebServer, type WebServerOptions } from '../support/web-server.ts';

const input = randomTensor(randomNumbers(4), [16, 3, 32, 32]);
const MEBIBYTE = 1 << 20;
const [WARM_UP, REQUESTS, STEP] = [100, 500, 100];

interface World {
  readonly page: SessionDriver;
  readonly tab: Page;
  readonly broker: string;
  close(): Promise<void>;
}

async function openWorld(flags: readonly string[], serving: WebServerOptions): Promise<World> {
  const folder = await makeModelFolder({ net: { model: smallConvNet(), inputs: { input: input.dims } } });
  const gateway = await startGatewayProcess([
    ...['--models', folder.path, '--listen', '127.0.0.1:0', '--web-socket', '127.0.0.1:0', '--threads', '1'],
  ]);
  const files = { ...(await sessionPageFiles()), '/net.onnx': await readFile(folder.model('net')) };
  const server = await startWebServer({ ...serving, files });
  const browser = await openChromium(flags);
  const tab = await browser.newPage();
  return {
    page: await driveSessionPage(tab, server.url),
    tab,
    broker: gateway.webSocket ?? '',
    async close() {
      await browser.close();
      await server.close();
      await gateway.kill('SIGTERM');
      await folder.remove();
    },
  };
}

const options = (broker: string, more: Partial<WebSessionOptions>): WebSessionOptions => ({
  ...{ broker, model: 'net', assets: '/cutpoint/', deadlineMs: 60_000, inputShapes: { input: input.dims } },
  ...more,
});
const isInside = (arm: string) => !/^device$|^input\/|\/image$/.test(arm);

async function answerInNode(): Promise<Tensor | undefined> {
  const runtime = directRuntime();
  const model = await runtime.load({ bytes: smallConvNet() });
  const { values } = await runtime.run({ models: [model], feeds: { input }, fetches: ['output'] });
  await model.release();
  return values.output;
}

test('WebGPU computes what Node does, and its heads give bytes', { timeout: 600_000 }, async () => {
  // SwiftShader's adapter, on the processor: as right as any, and slow.
  const { page, broker, close } = await openWorld(WEBGPU_FLAGS, { isStrict: true });
  const asking = { runtime: { provider: 'webgpu' }, profiles: ['float32', 'uint8'] } as const;
  expect(await page.open('/net.onnx', options(broker, asking))).toMatch(/webgpu, 1 thread$/);
  await page.run({ input }, { arm: 'device' });
  const expected = await answerInNode();
  for (const arm of (await page.arms()).filter(isInside)) {
    const { outputs, trace } = await page.run({ input }, { arm });
    expect(trace.gateway).toBeDefined();
    expect(relativeError(outputs.output, expected), arm).toBeLessThan(arm.endsWith('/uint8') ? 0.05 : 1e-3);
  }
  await page.release();
  await close();
});

test('500 requests with flat memory', { timeout: 600_000 }, async () => {
  // Otherwise the browser measures when it happens to collect garbage.
  const eager = '--enable-blink-features=ForceEagerMeasureMemory';
  const { page, tab, broker, close } = await openWorld([eager], { isIsolated: true });
  // One thread: those that wait for work cannot tell what they hold, and the browser would wait for them.
  await page.open('/net.onnx', options(broker, { profiles: ['uint8+context'], threads: 1 }));
  await page.run({ input }, { arm: 'device' });
  const arm = (await page.arms()).find(isInside) ?? '';
  /** Page, workers and their WebAssembly. */
  const heldMiB = async () => {
    const bytes = await tab.evaluate(async () => {
      const { measureUserAgentSpecificMemory } = performance as unknown as Record<
        'measureUserAgentSpecificMemory',
        () => Promise<{ bytes: number }>
      >;
      return (await measureUserAgentSpecificMemory.call(performance)).bytes;
    });
    return bytes / MEBIBYTE;
  };
  await page.runMany({ input }, { arm, count: WARM_UP });
  const held = [await heldMiB()];
  for (let requests = 0; requests < REQUESTS; requests += STEP) {
    const answers = await page.runMany({ input }, { arm, count: STEP });
    expect(answers.filter(({ trace }) => trace.gateway === undefined)).toEqual([]);
    held.push(await heldMiB());
  }
  console.log(JSON.stringify({ suite: 'web', heldMiB: held.map((size) => Number(size.toFixed(1))) }));
  await page.release();
  await close();
  expect((held.at(-1) ?? 0) - (held[0] ?? 0)).toBeLessThan(0.05 * (held[0] ?? 0));
});
