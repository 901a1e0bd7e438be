/**
 * Unload, load and reload under load; memory of this process and the executor's, the last tenth against the second. A gateway
 * remembers what it answered, up to a number of requests: as many are sent before, so that this does not pass for growth.
 */
import { residentBytes } from '../../support/footprint.ts';
import { median } from '../statistics.ts';
import { closedLoop } from './load.ts';
import type { World } from './world.ts';

const RELOADS = 200;
const REMEMBERED = 16_384;
const WARM_CLIENTS = 8;

export async function measureReloads({ gateway, requestSmall }: World, progress: (text: string) => void) {
  const reloads = Number(process.env.CUTPOINT_RELOADS ?? RELOADS);
  for (let sent = 0; sent < REMEMBERED; ) {
    const { results } = await closedLoop({ clients: WARM_CLIENTS, seconds: 5 }, requestSmall);
    sent += results.length;
  }
  let isOver = false;
  let failed = 0;
  const load = (async () => {
    while (!isOver)
      await requestSmall().catch((error: unknown) => {
        failed += 1;
        progress(String(error));
      });
  })();
  const mebibytes: number[] = [];
  for (let i = 0; i < reloads; i++) {
    await gateway.repository.load('small');
    const own = residentBytes(process.pid) / 2 ** 20;
    const executor = residentBytes(gateway.executors[0]?.runtime.pid ?? process.pid) / 2 ** 20;
    mebibytes.push(own + executor);
    if (i % 20 === 0)
      progress(`${i} reloads, ${own.toFixed(0)} MiB here and ${executor.toFixed(0)} MiB in the executor`);
  }
  isOver = true;
  await load;
  const part = Math.max(1, Math.floor(reloads / 10));
  return {
    reloadRssRatio: median(mebibytes.slice(-part)) / median(mebibytes.slice(part, 2 * part)),
    reloadFailures: failed,
  };
}
