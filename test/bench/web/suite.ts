/** What a page costs: its head beside Node's, its codec, what our worker and messages add, and the bytes to load first. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { createSplitSession, type SplitSession, type Tensor } from '@cutpoint/sdk/node';
import type { Browser } from 'playwright-core';
import { calibrateTables } from '../../../sdk/src/codec/calibrate-tables.ts';
import { GraphBuilder } from '../../../sdk/src/onnx/builder.ts';
import type { Tensor as CodecTensor } from '../../../sdk/src/tensor.ts';
import { buildWeb } from '../../../sdk/web-build/build.mjs';
import { driveSessionPage, type SessionDriver, sessionPageFiles } from '../../browser/session-driver.ts';
import { openChromium } from '../../support/chromium.ts';
import { makeModelFolder, startGatewayProcess } from '../../support/gateway-process.ts';
import { ocrModels } from '../../support/models/ocr-models.ts';
import { randomNumbers, randomTensor } from '../../support/models/random-weights.ts';
import { startWebServer } from '../../support/web-server.ts';
import { measurePageCodec } from '../codec/chromium-speed.ts';
import { type BenchModel, benchModels, cutActivations } from '../codec/cut-model.ts';
import type { Suite } from '../main.ts';
import { interleaveAll, median, medianOfRatios, quantile } from '../statistics.ts';

const HEAD_ROUNDS = 15;
const OVERHEAD_RUNS = 500;
/** What every page loads; the worker for WebGPU would be there instead of the other. */
const FIRST_FILES = ['cutpoint.js', 'cutpoint-session.js', 'cutpoint-ort.js'];
const x = randomTensor(randomNumbers(7), [1, 3, 48, 320]) as CodecTensor;

export const webSuite: Suite = {
  async run(progress) {
    progress('bytes');
    const sizes = await measureBundle();
    const browser = await openChromium();
    try {
      progress('heads and overhead, page and Node in turn');
      const sessions = await measureSessions(browser);
      progress('codec');
      return { ...sessions, ...(await measureCodec(browser)), ...sizes };
    } finally {
      await browser.close();
    }
  },
};

/** @returns gzipped, level 9, in 1000 bytes, without ONNX Runtime's own code */
async function measureBundle(): Promise<Record<string, number>> {
  const folder = await mkdtemp(join(tmpdir(), 'cutpoint-bundle-'));
  try {
    await buildWeb(folder, { withoutOrt: true });
    const sizes: Record<string, number> = {};
    for (const name of FIRST_FILES)
      sizes[name] = gzipSync(await readFile(join(folder, name)), { level: 9 }).length / 1000;
    return { bundleGzipKB: Object.values(sizes).reduce((sum, size) => sum + size, 0) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measureSessions(browser: Browser): Promise<Record<string, number>> {
  const { rec } = ocrModels();
  const folder = await makeModelFolder({
    rec: { model: rec.path, inputs: { x: x.dims } },
    one: { model: oneNode(), inputs: { x: [1] } },
  });
  const gateway = await startGatewayProcess([
    ...['--models', folder.path, '--listen', '127.0.0.1:0', '--web-socket', '127.0.0.1:0'],
    ...['--threads', '1', '--max-batch', '1', '--max-cuts', '1'],
  ]);
  const models = { '/rec.onnx': rec.path, '/one.onnx': folder.model('one') };
  const files = { ...(await sessionPageFiles()), ...models };
  const servers = {
    1: await startWebServer({ files }),
    4: await startWebServer({ files, isIsolated: true }),
  };
  const openPage = async (model: string, threads: 1 | 4, dims: readonly number[]) => {
    const page = await driveSessionPage(await browser.newPage(), servers[threads].url);
    const names = { broker: gateway.webSocket ?? '', model, assets: '/cutpoint/' };
    await page.open(`/${model}.onnx`, { ...names, threads, inputShapes: { x: dims }, deadlineMs: 60_000 });
    return page;
  };
  const node = await createSplitSession(rec.path, {
    ...{ broker: gateway.broker, model: 'rec', threads: 1, inputShapes: { x: x.dims }, deadlineMs: 60_000 },
  });
  try {
    const head = await measureHeads(node, {
      one: await openPage('rec', 1, x.dims),
      four: await openPage('rec', 4, x.dims),
    });
    return { ...head, ...(await measureOverhead(await openPage('one', 1, [1]))) };
  } finally {
    await node.release();
    for (const server of Object.values(servers)) await server.close();
    await gateway.kill('SIGTERM');
    await folder.remove();
  }
}

/** The whole recogniser on the device, which is the longest head there is. */
async function measureHeads(
  node: SplitSession,
  pages: { readonly one: SessionDriver; readonly four: SessionDriver },
): Promise<Record<string, number>> {
  const inPage = (page: SessionDriver) => async () =>
    (await page.runMany({ x }, { arm: 'device', count: 1 }))[0]?.trace.headMs ?? Number.NaN;
  const inNode = async () => {
    await node.run({ x: x as Tensor }, { arm: 'device' });
    return node.lastTrace?.headMs ?? Number.NaN;
  };
  const variants = { node: inNode, one: inPage(pages.one), four: inPage(pages.four) };
  await interleaveAll(variants, 3);
  const times = await interleaveAll(variants, HEAD_ROUNDS);
  return {
    headVsNode: medianOfRatios(times.one, times.node),
    headThreadsVsNode: medianOfRatios(times.four, times.node),
    headNodeMs: median(times.node),
    headPageMs: median(times.one),
    headPageThreadsMs: median(times.four),
  };
}

/** The model has one node and one number: what its run takes is messages, copies and waiting. */
async function measureOverhead(page: SessionDriver): Promise<Record<string, number>> {
  const one: CodecTensor = { type: 'float32', dims: [1], data: Float32Array.of(1) };
  await page.runMany({ x: one }, { arm: 'device', count: 100 });
  const answers = await page.runMany({ x: one }, { arm: 'device', count: OVERHEAD_RUNS });
  const times = answers.map(({ pageMs }) => pageMs);
  return { overheadP50Ms: median(times), overheadP99Ms: quantile(times, 0.99) };
}

/** What the recogniser's cuts give for a photograph; coder tables are those of the same cut for another. */
async function measureCodec(browser: Browser): Promise<Record<string, number>> {
  const model = benchModels().find(({ name }) => name === 'rec') as BenchModel;
  const { cuts, close } = await cutActivations(model, 2);
  const context = 'uint8+context';
  const pairs = await Promise.all(
    cuts.flatMap(({ tensors: [tensor, other] }) =>
      tensor && other ? [calibrateTables([other], context).then((tables) => ({ tensor, tables }))] : [],
    ),
  );
  const speeds = await measurePageCodec(browser, {
    encodeMBps: pairs.map((pair) => ({ ...pair, profile: context })),
    encodeOwnTablesMBps: pairs.map(({ tensor }) => ({ tensor, profile: context })),
    encodeUint8MBps: pairs.map(({ tensor }) => ({ tensor, profile: 'uint8' })),
  });
  await close();
  return speeds;
}

function oneNode(): Uint8Array {
  const graph = new GraphBuilder('one');
  graph.input('x', 'float32', [1]);
  graph.node('Neg', ['x'], {}, { outputs: ['y'] });
  graph.output('y', 'float32', [1]);
  return graph.toBytes();
}
