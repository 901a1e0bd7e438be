/** What a second slow leg costs: the broker must pass parts on while the next ones come in. */
import { randomBytes } from 'node:crypto';
import { createLink, type Link, type LinkOptions } from '../../../sdk/src/testing/link.ts';
import { startMosquitto } from '../../support/mosquitto.ts';
import { interleaveAll, median } from '../statistics.ts';
import { connectDevice } from './device.ts';
import { startPeer } from './peer-process.ts';

const SLOW: LinkOptions = { bitsPerSecond: 20e6, delayMs: 10 };
const FAST: LinkOptions = { bitsPerSecond: 1e9, delayMs: 10 };
const ROUNDS = 9;

/** Time of an 800 KB request with both legs at 20 Mbit/s, to that with the slower one alone; 10 ms each way each leg. */
export async function measureBothLegs(): Promise<number> {
  const broker = await startMosquitto();
  const near = await createLink({ targetPort: broker.port, uplink: SLOW, downlink: SLOW });
  const far = await createLink({ targetPort: broker.port, uplink: SLOW, downlink: SLOW });
  const peer = await startPeer(`mqtt://127.0.0.1:${far.port}`);
  const device = await connectDevice(near.port);
  const frame = new Uint8Array(randomBytes(800_000));
  const timed = (nearLeg: LinkOptions, farLeg: LinkOptions) => async () => {
    shape(near, nearLeg);
    shape(far, farLeg);
    const startMs = performance.now();
    await device.ask(frame);
    return performance.now() - startMs;
  };
  try {
    const variants = { near: timed(SLOW, FAST), far: timed(FAST, SLOW), both: timed(SLOW, SLOW) };
    await interleaveAll(variants, 2);
    const times = await interleaveAll(variants, ROUNDS);
    return median(times.both) / Math.max(median(times.near), median(times.far));
  } finally {
    await device.close();
    await peer.close();
    await Promise.all([near.close(), far.close(), broker.close()]);
  }
}

function shape(link: Link, leg: LinkOptions): void {
  link.set({ uplink: leg, downlink: leg });
}
