/** 150 KB up and 260 bytes down on loopback, beside raw TCP and beside MQTT.js alone; 1 KB at QoS 1. */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import mqtt, { type MqttClient } from 'mqtt';
import { startMosquitto } from '../../support/mosquitto.ts';
import { interleaveAll, median } from '../statistics.ts';
import { connectDevice, type Device } from './device.ts';
import { BARE_REPLY, BARE_REQUEST, REPLY_BYTES } from './names.ts';
import { startPeer } from './peer-process.ts';

const REQUEST_BYTES = 150_000;
const ROUNDS = 400;
const WARM_ROUNDS = 100;

export async function measureLatency(): Promise<Readonly<Record<string, number>>> {
  const broker = await startMosquitto();
  const [embedded, beside] = await Promise.all([startPeer(), startPeer(broker.url)]);
  const tcp = await connectTcp(embedded.tcpPort);
  const bare = await connectBare(broker.url);
  const devices = await Promise.all([connectDevice(embedded.brokerPort), connectDevice(broker.port)]);
  const large = new Uint8Array(randomBytes(REQUEST_BYTES));
  try {
    const variants = {
      tcp: timed(() => tcp.ask(large)),
      embedded: timed(() => devices[0].ask(large)),
      bare: timed(() => bare.ask(large, 0)),
      mosquitto: timed(() => devices[1].ask(large)),
      qos1: timed(() => bare.ask(large.subarray(0, 1_000), 1)),
    };
    await interleaveAll(variants, WARM_ROUNDS);
    return ratios(await interleaveAll(variants, ROUNDS));
  } finally {
    tcp.close();
    bare.close();
    await Promise.all((devices as readonly Device[]).map((device) => device.close()));
    await Promise.all([embedded.close(), beside.close()]);
    await broker.close();
  }
}

function ratios(times: Readonly<Record<string, readonly number[]>>): Record<string, number> {
  const p50 = (name: string) => median(times[name] ?? []);
  return {
    tcpMs: p50('tcp'),
    embeddedMs: p50('embedded'),
    bareMs: p50('bare'),
    mosquittoMs: p50('mosquitto'),
    qos1SmallMs: p50('qos1'),
    embeddedVsTcp: p50('embedded') / p50('tcp'),
    mosquittoVsBare: p50('mosquitto') / p50('bare'),
  };
}

function timed(work: () => Promise<unknown>): () => Promise<number> {
  return async () => {
    const startMs = performance.now();
    await work();
    return performance.now() - startMs;
  };
}

async function connectTcp(port: number) {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await new Promise((resolve) => socket.once('connect', resolve));
  let done: () => void = () => {};
  let missing = 0;
  socket.on('data', (bytes) => {
    missing -= bytes.length;
    if (missing === 0) done();
  });
  const ask = (frame: Uint8Array) =>
    new Promise<void>((resolve) => {
      done = resolve;
      missing = REPLY_BYTES;
      const length = Buffer.alloc(4);
      length.writeUInt32LE(frame.length);
      socket.cork();
      socket.write(length);
      socket.write(frame);
      socket.uncork();
    });
  return { ask, close: () => socket.destroy() };
}

async function connectBare(url: string) {
  const client: MqttClient = await mqtt.connectAsync(url);
  (client.stream as Socket).setNoDelay(true);
  let done: () => void = () => {};
  client.on('message', () => done());
  await client.subscribeAsync(BARE_REPLY, { qos: 1 });
  const ask = (frame: Uint8Array, qos: 0 | 1) =>
    new Promise<void>((resolve) => {
      done = resolve;
      client.publish(BARE_REQUEST, Buffer.from(frame.buffer, frame.byteOffset, frame.length), { qos });
    });
  return { ask, close: () => void client.end(true) };
}
