/** A device of the bench: random bytes out, 260 bytes back. */
import { randomUUID } from 'node:crypto';
import { systemClock } from '../../../sdk/src/clock.ts';
import { connectMqtt } from '../../../sdk/src/transport/mqtt.ts';
import { createRequestClient, type Reply } from '../../../sdk/src/transport/request-client.ts';
import { GATEWAY_ID, MODEL } from './names.ts';

export interface Device {
  /** One request with that frame; waits for its reply. */
  ask(frame: Uint8Array): Promise<Reply>;
  close(): Promise<void>;
}

const DEADLINE_MS = 120_000;

export async function connectDevice(brokerPort: number): Promise<Device> {
  const transport = await connectMqtt({ url: `mqtt://127.0.0.1:${brokerPort}` });
  const randomId = () => randomUUID().replaceAll('-', '');
  const client = createRequestClient({ transport, deviceId: randomId(), clock: systemClock(), randomId });
  await client.start();
  await client.waitForGateway(MODEL, { deadlineMs: 20_000 });
  const fields = { model: MODEL, digest: 'd', cut: 'c', fetches: ['y'], replyProfile: 'float32' };
  return {
    ask: (frame) =>
      client.request(GATEWAY_ID, { ...fields, tensors: [{ name: 'x', frame }] }, { deadlineMs: DEADLINE_MS }),
    close: async () => {
      await client.close();
      await transport.close();
    },
  };
}
