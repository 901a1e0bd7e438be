/** How far the link's rate, as requests show it, is from what the link was set to. */
import { randomBytes } from 'node:crypto';
import mqtt from 'mqtt';
import { createLink, type LinkOptions } from '../../../sdk/src/testing/link.ts';
import { startMosquitto } from '../../support/mosquitto.ts';
import { median } from '../statistics.ts';
import { connectDevice } from './device.ts';
import { startPeer } from './peer-process.ts';

const PAYLOADS = [150_000, 800_000];
const RATES = [1e6, 5e6, 20e6, 100e6];
const SHAPE = { delayMs: 10 };

export interface EstimateErrors {
  /** As one request shows it: the median of its error, largest of the rates and sizes, as a share. */
  readonly worst: number;
  /** As nine requests show it (three on slow links): the error of their median, largest of all. */
  readonly worstOfNine: number;
  /** Requests that said nothing of the rate. */
  readonly silent: number;
}

export interface EstimateConditions {
  /** What the uplink has besides its rate. */
  readonly shape?: Omit<LinkOptions, 'bitsPerSecond'>;
  /** Share of the uplink that somebody else fills meanwhile; the estimate is then held against what is left. */
  readonly crossShare?: number;
}

export async function measureEstimate(
  { shape = {}, crossShare = 0 }: EstimateConditions,
  progress: (text: string) => void,
): Promise<EstimateErrors> {
  const broker = await startMosquitto();
  const peer = await startPeer(broker.url);
  const link = await createLink({ targetPort: broker.port, uplink: SHAPE, downlink: SHAPE });
  const device = await connectDevice(link.port);
  const errors: number[] = [];
  const errorsOfNine: number[] = [];
  let silent = 0;
  try {
    for (const bitsPerSecond of RATES) {
      link.set({ uplink: { ...SHAPE, ...shape, bitsPerSecond } });
      const left = bitsPerSecond * (1 - crossShare);
      const cross = await startCrossTraffic(link.port, bitsPerSecond * crossShare);
      for (const bytes of PAYLOADS) {
        const frame = new Uint8Array(randomBytes(bytes));
        const rates: number[] = [];
        for (let round = 0; round < roundsAt(bitsPerSecond); round++) {
          const { uplinkBitsPerSecond } = (await device.ask(frame)).timings;
          if (uplinkBitsPerSecond === undefined) silent += 1;
          else rates.push(uplinkBitsPerSecond / left - 1);
        }
        errors.push(median(rates.map(Math.abs)));
        errorsOfNine.push(Math.abs(median(rates)));
        progress(
          `  ${bitsPerSecond / 1e6} Mbit/s, ${bytes} bytes: ${rates.map((e) => (e * 100).toFixed(1)).join(' ')} %`,
        );
      }
      await cross.stop();
    }
    return { worst: Math.max(...errors), worstOfNine: Math.max(...errorsOfNine), silent };
  } finally {
    await device.close();
    await link.close();
    await peer.close();
    await broker.close();
  }
}

const CROSS_BYTES = 8_000;

/** Small messages at an even pace, through the same link, to nobody. */
async function startCrossTraffic(port: number, bitsPerSecond: number): Promise<{ stop(): Promise<void> }> {
  if (bitsPerSecond === 0) return { stop: async () => {} };
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`);
  const payload = Buffer.alloc(CROSS_BYTES);
  const startMs = performance.now();
  let sentBytes = 0;
  const timer = setInterval(() => {
    const dueBytes = ((performance.now() - startMs) / 8_000) * bitsPerSecond;
    for (; sentBytes < dueBytes; sentBytes += CROSS_BYTES) client.publish('bench/cross', payload);
  }, 2);
  return {
    stop: async () => {
      clearInterval(timer);
      await client.endAsync(true);
    },
  };
}

/** A few seconds each. */
function roundsAt(bitsPerSecond: number): number {
  return bitsPerSecond < 4e6 ? 3 : 9;
}
