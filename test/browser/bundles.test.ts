/** The SDK in an application's page: bundled by Vite, which nobody told anything, and as modules without a bundler. */
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { copyAssets } from '@cutpoint/sdk/assets';
import type { Browser } from 'playwright-core';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildWeb } from '../../sdk/web-build/build.mjs';
import { hasChromium, openChromium } from '../support/chromium.ts';
import { smallConvNet } from '../support/models/small-conv-net.ts';
import { startWebServer } from '../support/web-server.ts';

const SDK = resolve(import.meta.dirname, '../../sdk');
const HTML = '<!doctype html><title>app</title><script type="module" src="./main.js"></script>';
let folder: string;
let browser: Browser;

beforeAll(async () => {
  if (!hasChromium()) return;
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-app-'));
  browser = await openChromium();
});
afterAll(async () => {
  await browser?.close();
  if (folder) await rm(folder, { recursive: true });
});

/** An application's module that leaves what its session answers, without any cloud. */
function application(from: string, assets: string): string {
  return `import { createSplitSession } from '${from}';
    const session = await createSplitSession('/net.onnx', {
      broker: 'ws://127.0.0.1:9', model: 'net', connectTimeoutMs: 0, inputShapes: { input: [1, 3, 32, 32] }, ${assets}
    });
    const input = { type: 'float32', dims: [1, 3, 32, 32], data: new Float32Array(3072).fill(0.5) };
    globalThis.answer = Array.from((await session.run({ input })).output.data);`;
}

/** @param root folder of what is served beside the model */
async function answerOf(root: string): Promise<readonly number[]> {
  const names = await readdir(root, { recursive: true, withFileTypes: true });
  const paths = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const served = paths.map((path) => [path.slice(root.length).replace(/^\/index\.html$/, '/'), path]);
  const files = {
    ...Object.fromEntries(served),
    '/net.onnx': smallConvNet(),
    '/favicon.ico': new Uint8Array(0),
  };
  const server = await startWebServer({ files });
  try {
    const page = await browser.newPage();
    const failed = new Promise<never>((_, reject) => page.once('pageerror', reject));
    await page.goto(server.url);
    await Promise.race([page.waitForFunction('globalThis.answer'), failed]);
    return (await page.evaluate('globalThis.answer')) as number[];
  } finally {
    await server.close();
  }
}

describe.skipIf(!hasChromium())('the SDK in an application', { timeout: 120_000 }, () => {
  let unbundled: readonly number[];

  it('loads as plain modules from the folder that copy-assets filled', async () => {
    const root = join(folder, 'plain');
    await copyAssets(join(root, 'sdk'), { webgpu: false });
    await writeFile(join(root, 'index.html'), HTML);
    await writeFile(join(root, 'main.js'), application('./sdk/cutpoint.js', "assets: './sdk/'"));
    unbundled = await answerOf(root);
    expect(unbundled.length).toBe(10);
  });

  it('is bundled by Vite without configuration, which puts its files in place', async () => {
    const root = join(folder, 'vite');
    // As npm installs it: the package with what it is built to, and its peer beside it.
    const installed = join(root, 'node_modules/@cutpoint/sdk');
    await mkdir(installed, { recursive: true });
    await cp(join(SDK, 'package.json'), join(installed, 'package.json'));
    await buildWeb(join(installed, 'dist/web'));
    const ort = dirname(
      dirname(createRequire(import.meta.url).resolve('onnxruntime-web/ort-wasm-simd-threaded.wasm')),
    );
    await symlink(ort, join(root, 'node_modules/onnxruntime-web'));
    await writeFile(join(root, 'index.html'), HTML);
    await writeFile(join(root, 'main.js'), application('@cutpoint/sdk/web', ''));
    await build({ root, logLevel: 'error', configFile: false });
    expect(await answerOf(join(root, 'dist'))).toEqual(unbundled);
  });
});
