/** `npm run sample:browser`: a gateway that also serves the page, and an emulated link in front of its broker. */
import { join } from 'node:path';
import { PAGE_STYLE } from '@cutpoint/sdk/report';
import { createLink } from '@cutpoint/sdk/testing';
import { Command } from 'commander';
import { modelPaths, readAlphabet } from '../ocr/models.ts';
import { makeModelFolder, startGateway } from '../ocr/processes.ts';
import { makePagesFolder, type PagesFolder } from '../pages-folder.ts';
import { startKnob } from './knob.ts';

export interface RunningSample {
  readonly url: string;
  stop(): Promise<void>;
}

const LINK = { delayMs: 10 };
const SHAPES = { detector: [1, 3, 480, 640], recogniser: [4, 3, 48, 320] };

/** @param options port of the gateway's HTTP; 0: any. `more` are further options of the gateway's command line */
export async function startSample({
  port = 0,
  more = [],
}: {
  readonly port?: number;
  readonly more?: readonly string[];
} = {}): Promise<RunningSample> {
  const pages = await makePages();
  const models = await makeModelFolder(SHAPES);
  const gateway = await startGateway(models.path, [
    ...['--http', `127.0.0.1:${port}`, '--pages', pages.path],
    ...more,
  ]);
  const link = await createLink({
    targetPort: Number(new URL(gateway.webSocket).port),
    uplink: LINK,
    downlink: LINK,
  });
  const url = new URL('/pages/browser-camera/index.html', gateway.http).href;
  const knob = await startKnob(url, (bitsPerSecond) => {
    const leg = { ...LINK, bitsPerSecond };
    link.set({ uplink: leg, downlink: leg });
  });
  const broker = `ws://127.0.0.1:${link.port}`;
  const settings = { broker, knob: knob.url, alphabet: await readAlphabet() };
  await pages.add({ 'settings.json': { text: JSON.stringify(settings) } });
  return {
    url,
    async stop() {
      await knob.close();
      await link.close();
      await gateway.stop();
      await models.remove();
      await pages.remove();
    },
  };
}

async function makePages(): Promise<PagesFolder> {
  const pages = await makePagesFolder();
  const { detector, recogniser } = modelPaths();
  await pages.add({
    'style.css': { text: PAGE_STYLE },
    'browser-camera/index.html': join(import.meta.dirname, 'index.html'),
    'browser-camera/page.css': join(import.meta.dirname, 'page.css'),
    'example.jpg': join(import.meta.dirname, '../ocr/assets/street-sign.jpg'),
    'models/detector.onnx': detector,
    'models/recogniser.onnx': recogniser,
  });
  const own = ['page', 'read-text', 'rate', 'view'].map((name) => `browser-camera/${name}`);
  const shared = ['box', 'components', 'text-boxes', 'crop', 'ctc'].map((name) => `ocr/${name}`);
  await pages.addModules([...own, ...shared]);
  return pages;
}

if (process.argv[1] === import.meta.filename) {
  const { port } = new Command('sample:browser')
    .description('Serves a page that reads text with two split models. Stop with Ctrl-C.')
    .option('--port <n>', "port of the gateway's HTTP on 127.0.0.1", Number, 8090)
    .parse()
    .opts<{ port: number }>();
  const sample = await startSample({ port });
  console.log(`Open ${sample.url}`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void sample.stop().then(() => process.exit(0)));
}
