/**
 * What the gateway adds to a request's latency. Most of a request's time at 70 % load is the wait for those before it, which it
 * would have anywhere: so each is compared with what it takes in a queue before the bare runtime, at the same arrivals and with
 * the same run times. The bare session gets these arrivals too, in turns.
 */
import type { RequestFinished } from '../../../cloud-gateway/src/events.ts';
import { quantile } from '../statistics.ts';
import { arrivalTimes, openLoop, queueLatencies } from './load.ts';
import { PATIENT_MS, type World } from './world.ts';

const ROUNDS = 3;
const SECONDS = 20;

export async function measureAdded(world: World, perSecond: number, progress: (text: string) => void) {
  const [all, addedMs, ownMs, bareMs]: [RequestFinished[], number[], number[], number[]] = [[], [], [], []];
  for (let seed = 1; seed <= ROUNDS; seed++) {
    const arrivals = arrivalTimes({ perSecond, seconds: SECONDS, seed });
    const finished = await throughGateway(world, arrivals);
    const latencies = finished.map(({ totalMs }) => totalMs);
    const ideal = queueLatencies(
      finished.map(({ arrivedMs: atMs, tailMs, batchSize }) => ({ atMs, runMs: tailMs / batchSize })),
    );
    all.push(...finished);
    ownMs.push(...latencies);
    addedMs.push(...latencies.map((ms, i) => ms - (ideal[i] ?? Number.NaN)));
    bareMs.push(...(await throughBare(world, arrivals)));
  }
  const stages = stagesOf(all).map(([name, values]) => {
    const [half, most] = [quantile(values, 0.5), quantile(values, 0.99)];
    return `${name} ${half.toFixed(1)}, ${most.toFixed(1)}`;
  });
  progress(`of ${all.length} requests at ${perSecond.toFixed(1)}/s, median and 99th: ${stages.join('; ')}`);
  return {
    addedP50Ms: quantile(addedMs, 0.5),
    addedP99Ms: quantile(addedMs, 0.99),
    ...{ p50Ms: quantile(ownMs, 0.5), p99Ms: quantile(ownMs, 0.99) },
    ...{ bareP50Ms: quantile(bareMs, 0.5), bareP99Ms: quantile(bareMs, 0.99) },
  };
}

/** By their arrival. */
async function throughGateway(world: World, arrivals: readonly number[]): Promise<RequestFinished[]> {
  const finished: RequestFinished[] = [];
  const stop = world.gateway.events.on('request-finished', (event) => finished.push(event));
  await openLoop(arrivals, () => world.request(PATIENT_MS));
  stop();
  return finished.sort((a, b) => a.arrivedMs - b.arrivedMs);
}

async function throughBare(world: World, arrivals: readonly number[]): Promise<readonly number[]> {
  const jobs: { readonly atMs: number; readonly runMs: number }[] = [];
  let last: Promise<unknown> = Promise.resolve();
  await openLoop(arrivals, () => {
    const atMs = performance.now();
    last = last.then(async () => jobs.push({ atMs, runMs: await world.bare() }));
    return last;
  });
  return queueLatencies(jobs);
}

/** `handling` is what becomes of a request besides its wait and the run. */
function stagesOf(finished: readonly RequestFinished[]): [string, number[]][] {
  const of = (value: (event: RequestFinished) => number) => finished.map(value);
  return [
    ['handling', of(({ totalMs, queueMs, tailMs }) => totalMs - queueMs - tailMs)],
    ['decode', of(({ decodeMs }) => decodeMs)],
    ['queue', of(({ queueMs }) => queueMs)],
    ['copy', of(({ copyMs }) => copyMs)],
    ['run', of(({ tailMs }) => tailMs)],
    ['encode', of(({ encodeMs }) => encodeMs)],
    ['batch', of(({ batchSize }) => batchSize)],
  ];
}
