/** How much of a shaped link large requests fill: 800 KB each, four in flight, 40 ms round trip, Mosquitto between. */
import { randomBytes } from 'node:crypto';
import { createLink } from '../../../sdk/src/testing/link.ts';
import { startMosquitto } from '../../support/mosquitto.ts';
import { connectDevice, type Device } from './device.ts';
import { startPeer } from './peer-process.ts';

const REQUEST_BYTES = 800_000;
const IN_FLIGHT = 4;
const DELAY_MS = 20;
const SPAN_MS = 8_000;

/** Share of the link's rate that the requests' bytes take, from the first publish to the last reply. */
export async function measureGoodput(bitsPerSecond: number): Promise<number> {
  const broker = await startMosquitto();
  const peer = await startPeer(broker.url);
  const leg = { bitsPerSecond, delayMs: DELAY_MS };
  const link = await createLink({ targetPort: broker.port, uplink: leg, downlink: leg });
  const device = await connectDevice(link.port);
  try {
    const perSecond = bitsPerSecond / (8 * REQUEST_BYTES);
    const count = Math.max(2 * IN_FLIGHT, Math.ceil((perSecond * SPAN_MS) / 1000));
    const elapsedMs = await sendAll(device, count);
    return (count * REQUEST_BYTES * 8_000) / elapsedMs / bitsPerSecond;
  } finally {
    await device.close();
    await link.close();
    await peer.close();
    await broker.close();
  }
}

async function sendAll(device: Device, count: number): Promise<number> {
  const frame = new Uint8Array(randomBytes(REQUEST_BYTES));
  const startMs = performance.now();
  let left = count;
  const lane = async () => {
    while (left > 0) {
      left -= 1;
      await device.ask(frame);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  return performance.now() - startMs;
}
