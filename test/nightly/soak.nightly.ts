/**
 * A day of requests at full speed: as many as fit into `CUTPOINT_SOAK_MINUTES` (20 unless told) through Mosquitto and the
 * gateway program, and what device and gateway hold meanwhile. A day at ten a second is 864,000.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { createSplitSession } from '@cutpoint/sdk/node';
import { expect, test } from 'vitest';
import { median } from '../bench/statistics.ts';
import { handleCount, heldBytes, openFiles, residentBytes } from '../support/footprint.ts';
import { makeModelFolder, startGatewayProcess } from '../support/gateway-process.ts';
import { randomNumbers, randomTensor } from '../support/models/random-weights.ts';
import { smallConvNet } from '../support/models/small-conv-net.ts';
import { startMosquitto } from '../support/mosquitto.ts';

const MINUTES = Number(process.env.CUTPOINT_SOAK_MINUTES ?? 20);
const LANES = 8;
const SAMPLES = 60;
const MEBIBYTE = 1 << 20;
const x = randomTensor(randomNumbers(4), [1, 3, 32, 32]);

interface Sample {
  readonly requests: number;
  readonly heldBytes: number;
  readonly handles: number;
  readonly gatewayBytes: number;
  readonly gatewayFiles: number;
}

test('heap and handles stay flat', { timeout: (MINUTES + 5) * 60_000 }, async () => {
  const folder = await makeModelFolder({ net: { model: smallConvNet(), inputs: { input: x.dims } } });
  const broker = await startMosquitto();
  const gateway = await startGatewayProcess([
    '--models',
    folder.path,
    '--broker',
    broker.url,
    '--threads',
    '1',
  ]);
  const session = await createSplitSession(folder.model('net'), {
    ...{ broker: broker.url, model: 'net', fallback: 'none', deadlineMs: 10_000, threads: 1 },
    inputShapes: { input: x.dims },
  });
  await session.run({ input: x });
  const arm = session.arms.find(({ kind }) => kind === 'split')?.id ?? '';
  let [requests, isOver] = [0, false];
  const lane = async () => {
    while (!isOver) {
      await session.run({ input: x }, { arm });
      requests += 1;
    }
  };
  const lanes = Promise.all(Array.from({ length: LANES }, lane));
  const samples: Sample[] = [];
  for (let at = 0; at < SAMPLES; at++) {
    await Promise.race([sleep((MINUTES * 60_000) / SAMPLES), lanes]);
    samples.push({
      requests,
      heldBytes: await heldBytes(),
      handles: handleCount(),
      gatewayBytes: residentBytes(gateway.pid),
      gatewayFiles: openFiles(gateway.pid),
    });
  }
  isOver = true;
  await lanes;
  await session.release();
  await gateway.kill('SIGTERM');
  await broker.close();
  await folder.remove();
  // The first quarter fills caches of bounded size: answers kept, compiled code.
  const quarter = (which: number, of: (sample: Sample) => number) =>
    median(samples.slice((which * SAMPLES) / 4, ((which + 1) * SAMPLES) / 4).map(of));
  const growth = (of: (sample: Sample) => number) => quarter(3, of) - quarter(1, of);
  const figures = {
    requests,
    heldMiB: quarter(3, ({ heldBytes: bytes }) => bytes) / MEBIBYTE,
    heldGrowthMiB: growth(({ heldBytes: bytes }) => bytes) / MEBIBYTE,
    handlesGrowth: growth(({ handles }) => handles),
    gatewayMiB: quarter(3, ({ gatewayBytes }) => gatewayBytes) / MEBIBYTE,
    gatewayGrowthMiB: growth(({ gatewayBytes }) => gatewayBytes) / MEBIBYTE,
    gatewayFilesGrowth: growth(({ gatewayFiles }) => gatewayFiles),
  };
  console.log(JSON.stringify({ suite: 'soak', figures }));
  expect(figures.heldGrowthMiB).toBeLessThan(4);
  expect(figures.handlesGrowth).toBeLessThanOrEqual(4);
  expect(figures.gatewayGrowthMiB).toBeLessThan(0.1 * figures.gatewayMiB);
  expect(figures.gatewayFilesGrowth).toBeLessThanOrEqual(2);
});
