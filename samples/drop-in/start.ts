/** `npm run sample:drop-in`: a page of onnxruntime-web, and the same with one line changed, served by the gateway. */
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { modelPaths } from '../ocr/models.ts';
import { startGateway } from '../ocr/processes.ts';
import { makePagesFolder, type PagesFolder } from '../pages-folder.ts';

export interface RunningSample {
  readonly before: string;
  readonly after: string;
  stop(): Promise<void>;
}

const ORT_FILES = ['ort.wasm.min.mjs', 'ort-wasm-simd-threaded.mjs', 'ort-wasm-simd-threaded.wasm'];

/** @param port of the gateway's HTTP; 0: any */
export async function startSample(port = 0): Promise<RunningSample> {
  const pages = await makePages();
  const models = await makeModels();
  const gateway = await startGateway(models, ['--http', `127.0.0.1:${port}`, '--pages', pages.path]);
  const url = (page: string) => new URL(`/pages/${page}/index.html`, gateway.http).href;
  return {
    before: url('before'),
    after: `${url('after')}?broker=${encodeURIComponent(gateway.webSocket)}`,
    async stop() {
      await gateway.stop();
      await rm(models, { recursive: true, force: true });
      await pages.remove();
    },
  };
}

async function makePages(): Promise<PagesFolder> {
  const pages = await makePagesFolder();
  const ort = dirname(createRequire(import.meta.url).resolve('onnxruntime-web/ort-wasm-simd-threaded.wasm'));
  await pages.add(Object.fromEntries(ORT_FILES.map((name) => [`ort/${name}`, join(ort, name)])));
  for (const page of ['before', 'after'])
    await pages.add({
      [`${page}/index.html`]: join(import.meta.dirname, 'index.html'),
      [`${page}/page.js`]: join(import.meta.dirname, `${page}.js`),
      [`${page}/model.onnx`]: modelPaths().orientation,
      [`${page}/picture.jpg`]: join(import.meta.dirname, '../ocr/assets/street-sign.jpg'),
    });
  return pages;
}

async function makeModels(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'cutpoint-drop-in-'));
  await mkdir(join(folder, 'orientation'));
  await copyFile(modelPaths().orientation, join(folder, 'orientation/model.onnx'));
  await writeFile(
    join(folder, 'orientation/cutpoint.json'),
    JSON.stringify({ inputs: { x: [1, 3, 48, 192] } }),
  );
  return folder;
}

if (process.argv[1] === import.meta.filename) {
  const sample = await startSample(8091);
  console.log(`Before: ${sample.before}\nAfter:  ${sample.after}`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void sample.stop().then(() => process.exit(0)));
}
