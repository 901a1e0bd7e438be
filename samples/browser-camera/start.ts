/** `npm run sample:browser`: a gateway, an emulated link in front of it, and the page. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { copyAssets } from '@cutpoint/sdk/assets';
import { createLink } from '@cutpoint/sdk/testing';
import { Command } from 'commander';
import { makeModelFolder, startGateway } from '../ocr/processes.ts';
import { servePage } from './serve.ts';

export interface RunningSample {
  readonly url: string;
  stop(): Promise<void>;
}

const LINK = { delayMs: 10 };

export async function startSample({ port = 0 }: { readonly port?: number } = {}): Promise<RunningSample> {
  const assets = await mkdtemp(join(tmpdir(), 'cutpoint-assets-'));
  await copyAssets(assets);
  const models = await makeModelFolder({ detector: [1, 3, 480, 640], recogniser: [4, 3, 48, 320] });
  const gateway = await startGateway(models.path);
  const link = await createLink({
    targetPort: Number(new URL(gateway.webSocket).port),
    uplink: LINK,
    downlink: LINK,
  });
  const setRate = (bitsPerSecond: number) => {
    const leg = { ...LINK, bitsPerSecond };
    link.set({ uplink: leg, downlink: leg });
  };
  const page = await servePage({ port, assets, broker: `ws://127.0.0.1:${link.port}`, setRate });
  return {
    url: page.url,
    async stop() {
      await page.close();
      await link.close();
      await gateway.stop();
      await models.remove();
      await rm(assets, { recursive: true, force: true });
    },
  };
}

if (process.argv[1] === import.meta.filename) {
  const { port } = new Command('sample:browser')
    .description('Serves a page that reads text with two split models. Stop with Ctrl-C.')
    .option('--port <n>', 'port of the page on 127.0.0.1', Number, 8090)
    .parse()
    .opts<{ port: number }>();
  const sample = await startSample({ port });
  console.log(`Open ${sample.url}`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void sample.stop().then(() => process.exit(0)));
}
