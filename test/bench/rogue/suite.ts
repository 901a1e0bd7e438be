/**
 * `npm run -s bench -- rogue`: what a rogue device costs an honest one. An hour's worth of attempts at ten a second, made in
 * a minute, in turns of ten seconds with and without; the honest device asks all the time.
 */
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Fence, type FencedWorld, openFencedWorld } from '../../security/fenced-world.ts';
import type { RogueReport } from '../../security/rogue.ts';
import type { Suite } from '../main.ts';
import { quantile } from '../statistics.ts';

const ATTEMPTS = 36_000;
const TURNS = 6;
const TURN_MS = 10_000;
/** An honest device does not ask as fast as it can. */
const PAUSE_MS = 20;
const WARM_REQUESTS = 200;

export const rogueSuite: Suite = {
  run: async (progress) => ({
    ...named('mosquitto', await measure('mosquitto', progress)),
    ...named('embedded', await measure('embedded', progress)),
  }),
};

async function measure(fence: Fence, progress: (text: string) => void): Promise<Record<string, number>> {
  const world = await openFencedWorld(fence);
  const [alone, beside]: [number[], number[]] = [[], []];
  let [attempts, leaks] = [0, 0];
  try {
    for (let request = 0; request < WARM_REQUESTS; request++) await world.isAnswered();
    for (let turn = 0; turn < TURNS; turn++) {
      alone.push(...(await askFor(world, sleep(TURN_MS))));
      const rogue = runBeside(world, turn + 1);
      beside.push(...(await askFor(world, rogue)));
      const report = await rogue;
      attempts += report.attempts;
      leaks += report.granted.length + report.heard.length + report.ranRequests + report.loggedInAs.length;
      progress(
        `${fence}: turn ${turn + 1}, ${report.attempts} attempts, codes ${JSON.stringify(report.codes)}`,
      );
    }
  } finally {
    await world.close();
  }
  const at = (times: readonly number[], share: number) => quantile(times, share);
  return {
    Attempts: attempts,
    Leaks: leaks,
    P50AloneMs: at(alone, 0.5),
    P50BesideMs: at(beside, 0.5),
    P99AloneMs: at(alone, 0.99),
    P99BesideMs: at(beside, 0.99),
    P99Ratio: at(beside, 0.99) / at(alone, 0.99),
    Requests: alone.length + beside.length,
  };
}

/** Times of requests until the turn is over. */
async function askFor(world: FencedWorld, turn: Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  let isOver = false;
  void turn.finally(() => {
    isOver = true;
  });
  while (!isOver) {
    const startMs = performance.now();
    if (!(await world.isAnswered())) throw new Error('a wrong answer');
    times.push(performance.now() - startMs);
    await sleep(PAUSE_MS);
  }
  return times;
}

function runBeside({ url, logins, rogueKey }: FencedWorld, seed: number): Promise<RogueReport> {
  const perSecond = (ATTEMPTS / TURNS / TURN_MS) * 1000;
  const options = { url, ...logins.rogue, key: rogueKey, count: ATTEMPTS / TURNS, seed, perSecond };
  const child = spawn(process.execPath, [resolve(import.meta.dirname, 'rogue-main.ts')], {
    env: { ...process.env, CUTPOINT_ROGUE: JSON.stringify(options) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  return new Promise((resolveReport, reject) => {
    child.once('close', (code) => {
      if (code === 0) resolveReport(JSON.parse(out) as RogueReport);
      else reject(new Error(`the rogue ended with ${code}`));
    });
  });
}

function named(fence: Fence, figures: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(figures).map(([name, value]) => [`${fence}${name}`, value]));
}
