/** `npm run -s bench -- transport`: does MQTT fill the link, how quick is it, and does it know the link. */
import type { Suite } from '../main.ts';
import { measureEstimate } from './estimate.ts';
import { measureGoodput } from './goodput.ts';
import { measureLatency } from './latency.ts';
import { measureBothLegs } from './legs.ts';
import { measureLink } from './link-accuracy.ts';

const RATES_MBPS = [1, 5, 20, 100];

export const transportSuite: Suite = {
  run: async (progress) => {
    progress('latency: 150 KB up, 260 bytes down');
    const latency = await measureLatency();
    progress(JSON.stringify(latency));
    progress('goodput: 800 KB requests, four in flight');
    const goodput: Record<string, number> = {};
    for (const rate of RATES_MBPS) {
      goodput[`goodput${rate}`] = await measureGoodput(rate * 1e6);
      progress(`  ${rate} Mbit/s: ${goodput[`goodput${rate}`]}`);
    }
    progress('both legs slow');
    const bothLegsRatio = await measureBothLegs();
    progress('estimate of the rate');
    const plain = await measureEstimate({}, progress);
    progress('estimate of the rate, 5 ms of jitter');
    const jitter = await measureEstimate({ shape: { jitterMs: 5 } }, progress);
    progress('estimate of the rate, half of the link taken by others');
    const cross = await measureEstimate({ crossShare: 0.5 }, progress);
    progress('the link emulator itself');
    const link = await measureLink();
    return {
      ...goodput,
      bothLegsRatio,
      ...latency,
      estimateErrorMax: plain.worst,
      estimateSilent: plain.silent,
      estimateErrorOfNine: plain.worstOfNine,
      estimateErrorJitter: jitter.worst,
      estimateErrorJitterOfNine: jitter.worstOfNine,
      estimateErrorCross: cross.worst,
      ...link,
    };
  },
};
