/** Twice the capacity: how much of it stays useful, what the accepted wait, and how soon the others are refused. */
import { isSplitError } from '../../../sdk/src/errors.ts';
import { quantile } from '../statistics.ts';
import { arrivalTimes, openLoop } from './load.ts';
import type { Throughput } from './throughput.ts';
import type { World } from './world.ts';

const SECONDS = 20;
/** Of the 99th percentile at capacity. */
const DEADLINE_SHARE = 1.4;

export async function measureOverload(
  world: World,
  { perSecond, totalsMs }: Throughput,
  progress: (text: string) => void,
) {
  const atCapacityMs = quantile(totalsMs, 0.99);
  const deadlineMs = DEADLINE_SHARE * atCapacityMs;
  const [accepted, refused, atGateway]: [number[], number[], number[]] = [[], [], []];
  let [late, refusedLate] = [0, 0];
  const stop = world.gateway.events.on('request-refused', ({ wasAdmitted, elapsedMs }) => {
    if (wasAdmitted) refusedLate += 1;
    else atGateway.push(elapsedMs);
  });
  await openLoop(arrivalTimes({ perSecond: 2 * perSecond, seconds: SECONDS, seed: 11 }), async () => {
    const startMs = performance.now();
    try {
      accepted.push((await world.request(deadlineMs)).totalMs);
    } catch (error) {
      if (!isSplitError(error)) throw error;
      if (error.code === 'overloaded') refused.push(performance.now() - startMs);
      else late += 1;
    }
  });
  stop();
  progress(
    `p99 at capacity ${atCapacityMs.toFixed(0)} ms; ${JSON.stringify({
      ...{ accepted: accepted.length, refused: refused.length, refusedLate, late },
      refusalP50Ms: quantile(refused, 0.5),
      atGatewayP50Ms: quantile(atGateway, 0.5),
      atGatewayP99Ms: quantile(atGateway, 0.99),
    })}`,
  );
  return {
    overloadUsefulShare: accepted.length / SECONDS / perSecond,
    overloadP99Ratio: quantile(accepted, 0.99) / atCapacityMs,
    refusalP99Ms: quantile(refused, 0.99),
  };
}
