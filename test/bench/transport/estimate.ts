/** How far the link's rate, as requests show it, is from what the link was set to. */
import { randomBytes } from 'node:crypto';
import { createLink, type LinkOptions } from '../../../sdk/src/testing/link.ts';
import { startMosquitto } from '../../support/mosquitto.ts';
import { median } from '../statistics.ts';
import { connectDevice } from './device.ts';
import { startPeer } from './peer-process.ts';

const PAYLOADS = [150_000, 800_000];
const RATES = [1e6, 5e6, 20e6, 100e6];
const SHAPE = { delayMs: 10 };

export interface EstimateErrors {
  /** Largest error of a median of the rates and sizes, as a share. */
  readonly worst: number;
  /** Requests that said nothing of the rate. */
  readonly silent: number;
}

/** @param shape what the uplink has besides its rate */
export async function measureEstimate(
  shape: Omit<LinkOptions, 'bitsPerSecond'>,
  progress: (text: string) => void,
): Promise<EstimateErrors> {
  const broker = await startMosquitto();
  const peer = await startPeer(broker.url);
  const link = await createLink({ targetPort: broker.port, uplink: SHAPE, downlink: SHAPE });
  const device = await connectDevice(link.port);
  const errors: number[] = [];
  let silent = 0;
  try {
    for (const bitsPerSecond of RATES) {
      link.set({ uplink: { ...SHAPE, ...shape, bitsPerSecond } });
      for (const bytes of PAYLOADS) {
        const frame = new Uint8Array(randomBytes(bytes));
        const rates: number[] = [];
        for (let round = 0; round < roundsAt(bitsPerSecond); round++) {
          const { uplinkBitsPerSecond } = (await device.ask(frame)).timings;
          if (uplinkBitsPerSecond === undefined) silent += 1;
          else rates.push(uplinkBitsPerSecond / bitsPerSecond - 1);
        }
        errors.push(median(rates.map(Math.abs)));
        progress(
          `  ${bitsPerSecond / 1e6} Mbit/s, ${bytes} bytes: ${rates.map((e) => (e * 100).toFixed(1)).join(' ')} %`,
        );
      }
    }
    return { worst: Math.max(...errors), silent };
  } finally {
    await device.close();
    await link.close();
    await peer.close();
    await broker.close();
  }
}

/** A few seconds each. */
function roundsAt(bitsPerSecond: number): number {
  return bitsPerSecond < 4e6 ? 3 : 9;
}
