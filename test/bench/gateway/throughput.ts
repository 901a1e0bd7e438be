/** Requests a second with four in flight, to those of the bare loop. */
import { median } from '../statistics.ts';
import { closedLoop } from './load.ts';
import { PATIENT_MS, type World } from './world.ts';

const ROUNDS = 3;
const SECONDS = 5;
const IN_FLIGHT = 4;

export interface Throughput {
  readonly ratio: number;
  /** Of the gateway, in the last round. */
  readonly perSecond: number;
  /** What each request took its device. */
  readonly totalsMs: readonly number[];
}

/** In turns, since the machine is not the same from minute to minute. */
export async function measureThroughput(world: World, progress: (text: string) => void): Promise<Throughput> {
  const ratios: number[] = [];
  const totalsMs: number[] = [];
  let perSecond = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const { results: bareMs } = await closedLoop({ clients: 1, seconds: SECONDS / 2 }, world.bare);
    const barePerSecond = (1000 * bareMs.length) / bareMs.reduce((sum, ms) => sum + ms, 0);
    const runs: number[] = [];
    const stop = world.gateway.events.on('batch-ran', ({ runMs, size }) => runs.push(runMs / size));
    const own = await closedLoop({ clients: IN_FLIGHT, seconds: SECONDS }, () => world.request(PATIENT_MS));
    stop();
    perSecond = own.perSecond;
    totalsMs.push(...own.results.map(({ totalMs }) => totalMs));
    ratios.push(perSecond / barePerSecond);
    const runMs = `runs of ${median(runs).toFixed(1)} to ${median(bareMs).toFixed(1)} ms`;
    progress(`bare ${barePerSecond.toFixed(2)}/s, gateway ${perSecond.toFixed(2)}/s, ${runMs}`);
  }
  return { ratio: median(ratios), perSecond, totalsMs };
}
