/** `node peer-main.ts [BROKER-URL]`: see peer-process.ts. Prints its ports as one line of JSON; ends with its input. */
import { createServer, type Socket } from 'node:net';
import mqtt from 'mqtt';
import { createAedesTransport } from '../../../cloud-gateway/src/broker/aedes-transport.ts';
import { startBroker } from '../../../cloud-gateway/src/broker/broker.ts';
import { systemClock } from '../../../sdk/src/clock.ts';
import { connectMqtt } from '../../../sdk/src/transport/mqtt.ts';
import { createRequestServer } from '../../../sdk/src/transport/request-server.ts';
import type { Transport } from '../../../sdk/src/transport/transport.ts';
import { BARE_REPLY, BARE_REQUEST, GATEWAY_ID, MODEL, REPLY_BYTES } from './names.ts';

const reply = new Uint8Array(REPLY_BYTES);
const brokerUrl = process.argv[2];
const tcpPort = await serveTcp();
if (brokerUrl) {
  await serveRequests(await connectMqtt({ url: brokerUrl }));
  await serveBare(brokerUrl);
  ready(Number(new URL(brokerUrl).port));
} else {
  const broker = await startBroker({ listen: { host: '127.0.0.1', port: 0 }, maxMessageBytes: 1 << 25 });
  await serveRequests(createAedesTransport(broker.aedes));
  ready(Number(new URL(broker.url).port));
}
process.stdin.resume().once('end', () => process.exit(0));

function ready(brokerPort: number): void {
  console.log(JSON.stringify({ brokerPort, tcpPort }));
}

async function serveRequests(transport: Transport): Promise<void> {
  const models = [{ name: MODEL, digest: 'd', cuts: [] }];
  const server = createRequestServer({
    transport,
    gatewayId: GATEWAY_ID,
    clock: systemClock(),
    announce: () => ({ state: 'ready', models, maxPayloadBytes: 1 << 24 }),
    handle: async () => ({
      tensors: [{ name: 'y', frame: reply }],
      ...{ queueMs: 0, decodeMs: 0, tailMs: 0, encodeMs: 0 },
    }),
  });
  await server.start();
}

/** MQTT.js as anyone would write it, but for Nagle's algorithm. */
async function serveBare(url: string): Promise<void> {
  const client = await mqtt.connectAsync(url);
  (client.stream as Socket).setNoDelay(true);
  client.on('message', (_, payload, { qos }) => {
    if (payload.length > 0) client.publish(BARE_REPLY, Buffer.from(reply), { qos });
  });
  await client.subscribeAsync(BARE_REQUEST, { qos: 1 });
}

function serveTcp(): Promise<number> {
  const server = createServer({ noDelay: true }, (socket) => {
    let missing = 0;
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes) => {
      if (missing === 0) missing = 4 + bytes.readUInt32LE(0);
      missing -= bytes.length;
      if (missing === 0) socket.write(reply);
    });
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : 0);
    });
  });
}
