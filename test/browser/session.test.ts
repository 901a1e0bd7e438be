/** Sessions in Chromium: what Node answers to the same inputs, with one thread and four, isolated and not, without eval. */
import { readFile } from 'node:fs/promises';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeCtc } from '../../samples/ocr/ctc.ts';
import { detectText } from '../../samples/ocr/detect.ts';
import { readAlphabet } from '../../samples/ocr/models.ts';
import { readPicture } from '../../samples/ocr/picture.ts';
import { recogniserInput } from '../../samples/ocr/recognise.ts';
import { fileSource } from '../../sdk/src/source/file.ts';
import type { Tensor, Tensors } from '../../sdk/src/tensor.ts';
import { hasChromium, openChromium } from '../support/chromium.ts';
import { directRuntime } from '../support/direct-runtime.ts';
import {
  type GatewayProcess,
  type ModelFolder,
  makeModelFolder,
  startGatewayProcess,
} from '../support/gateway-process.ts';
import { ocrModels } from '../support/models/ocr-models.ts';
import { randomNumbers, randomTensor } from '../support/models/random-weights.ts';
import { smallConvNet } from '../support/models/small-conv-net.ts';
import { relativeError } from '../support/split-runs.ts';
import { startWebServer, type WebServer, type WebServerOptions } from '../support/web-server.ts';
import { driveSessionPage, type SessionDriver, sessionPageFiles } from './session-driver.ts';

const PHOTO = new URL('../../samples/ocr/assets/street-sign.jpg', import.meta.url);
const SAME = 1e-4;
const { det, rec } = ocrModels();
const small = randomTensor(randomNumbers(4), [4, 3, 32, 32]);

/** Inputs that were recorded in Node, with what the whole model answers there. */
interface Recorded {
  readonly feeds: Readonly<Record<string, Tensor>>;
  readonly expected: Tensor;
}
let folder: ModelFolder;
let gateway: GatewayProcess;
let alphabet: readonly string[];
type Inputs = 'recogniser' | 'net';
const recorded: Partial<Record<Inputs, Recorded>> = {};
const undo: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  if (!hasChromium()) return;
  alphabet = await readAlphabet();
  const picture = await readPicture(await readFile(PHOTO));
  const boxes = await detectText(picture, async ({ feeds }) => ({ found: await answerOf(det.path, feeds) }));
  const lines = recogniserInput(picture, boxes.slice(0, 1)).feeds;
  recorded.recogniser = { feeds: lines as Recorded['feeds'], expected: await answerOf(rec.path, lines) };
  folder = await makeModelFolder({
    recogniser: { model: rec.path, inputs: { x: recorded.recogniser.feeds.x?.dims ?? [] } },
    net: { model: smallConvNet(), inputs: { input: small.dims } },
  });
  recorded.net = { feeds: { input: small }, expected: await answerOf(folder.model('net'), { input: small }) };
  gateway = await startGatewayProcess([
    ...['--models', folder.path, '--listen', '127.0.0.1:0', '--web-socket', '127.0.0.1:0'],
    ...['--max-cuts', '2', '--max-batch', '1', '--threads', '1'],
  ]);
}, 120_000);
afterAll(async () => {
  for (const step of undo.reverse()) await step();
  await gateway?.kill('SIGTERM');
  await folder?.remove();
});

async function answerOf(path: string, feeds: Tensors): Promise<Tensor> {
  const runtime = directRuntime();
  const model = await runtime.load({ bytes: await fileSource(path).read() });
  const fetches = model.outputs.map(({ name }) => name);
  const { values } = await runtime.run({ models: [model], feeds: feeds as Recorded['feeds'], fetches });
  await model.release();
  return Object.values(values)[0] as Tensor;
}

async function openBrowser(flags: readonly string[] = []): Promise<Browser> {
  const browser = await openChromium(flags);
  undo.push(() => browser.close());
  return browser;
}

async function serve(options: WebServerOptions): Promise<WebServer> {
  const models = ['recogniser', 'net'].map((name) => [`/${name}.onnx`, folder.model(name)]);
  const files = { ...(await sessionPageFiles()), ...Object.fromEntries(models) };
  const server = await startWebServer({ ...options, files });
  undo.push(() => server.close());
  return server;
}

const options = (model: Inputs, more: object = {}) => ({
  ...{ broker: gateway.webSocket ?? '', model, assets: '/cutpoint/', deadlineMs: 30_000 },
  inputShapes: Object.fromEntries(
    Object.entries(recorded[model]?.feeds ?? {}).map(([name, { dims }]) => [name, dims]),
  ),
  ...more,
});

function linesOf(output: Tensor | undefined): readonly string[] {
  const [lines = 0] = output?.dims ?? [];
  const data = output?.data as Float32Array;
  const length = data.length / lines;
  return Array.from(
    { length: lines },
    (_, line) => decodeCtc(data.subarray(line * length, (line + 1) * length), alphabet).text,
  );
}

describe.skipIf(!hasChromium())('sessions in a page', { timeout: 120_000 }, () => {
  describe.each<[string, WebServerOptions, number, RegExp, Inputs]>([
    [
      'isolated, four threads, a policy without eval',
      { isIsolated: true, isStrict: true },
      4,
      /wasm, 4 threads$/,
      'recogniser',
    ],
    ['not isolated, one thread', {}, 1, /wasm, 1 thread$/, 'net'],
  ])('%s', (_, serving, threads, runtime, name) => {
    let page: SessionDriver;

    beforeAll(async () => {
      const server = await serve(serving);
      page = await driveSessionPage(await (await openBrowser()).newPage(), server.url);
    });

    it('answer as Node does at every arm that travels exactly, and read the same text', async () => {
      const { feeds, expected } = recorded[name] as Recorded;
      const profiles = ['float32'];
      expect(await page.open(`/${name}.onnx`, options(name, { profiles, threads }))).toMatch(runtime);
      // A picture has no place here: the lines are no file's.
      const arms = (await page.arms()).filter((arm) => !arm.endsWith('/image'));
      expect(arms.length).toBeGreaterThan(3);
      const heldUpMs: number[] = [];
      for (const arm of arms) {
        const { outputs, trace, ...times } = await page.run(feeds, { arm });
        heldUpMs.push(times.heldUpMs);
        const [output] = Object.values(outputs);
        expect(trace).toMatchObject({ arm });
        expect(trace.fallback).toBeUndefined();
        expect(relativeError(output, expected), arm).toBeLessThan(SAME);
        if (name === 'recogniser') expect(linesOf(output)).toEqual(['NOTICE']);
      }
      await page.release();
      expect(page.complaints).toEqual([]);
      // Each gives the page the same to do, less than a frame's time; a busy machine adds to some of them.
      expect(Math.min(...heldUpMs)).toBeLessThan(16);
    });
  });

  it('keep the model: it is fetched by range once, and a damaged piece again', async () => {
    const server = await serve({});
    const context = await (await openBrowser()).newContext();
    const tab = await context.newPage();
    const page = await driveSessionPage(tab, server.url);
    const source = { pieceBytes: 8192 };
    const asked = () => server.requests.filter((request) => request.startsWith('/net.onnx'));
    const read = async () => {
      const before = asked().length;
      await page.open('/net.onnx', options('net', { source }));
      const { outputs } = await page.run((recorded.net as Recorded).feeds, { arm: 'device' });
      expect(relativeError(outputs.output, recorded.net?.expected)).toBeLessThan(SAME);
      await page.release();
      return asked().slice(before);
    };
    const pieces = await read();
    expect(pieces.length).toBeGreaterThan(2);
    expect(pieces[1]).toBe('/net.onnx bytes=8192-16383');
    // The first piece says whether it is still the same file.
    expect(await read()).toEqual(pieces.slice(0, 1));
    const damaged = await tab.evaluate(async () => {
      const cache = await caches.open('cutpoint-models');
      const keys = await cache.keys();
      for (const key of keys) {
        const bytes = new Uint8Array(await ((await cache.match(key)) as Response).arrayBuffer());
        if (bytes.length !== 8192) continue;
        bytes[100] = (bytes[100] ?? 0) ^ 1;
        await cache.put(key, new Response(bytes));
      }
      return keys.length;
    });
    expect(damaged).toBeGreaterThan(0);
    expect((await read()).length).toBeGreaterThan(1);
  });
});
