/** The other side of mqtt-bundle-source.ts: serves a folder of bundles to the devices of a broker, range by range. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { SplitError } from '@cutpoint/sdk';
import { encodeEnvelope, type Transport } from '@cutpoint/sdk/gateway';
import { decodeJson } from '../fleet/json-message.ts';
import { type RangeRequest, rangeRequestSchema } from './mqtt-bundle-source.ts';

/** As in a bundle's manifest: nothing leads out of the folder, and nothing hidden is given. */
const PATH = /^[A-Za-z0-9_][A-Za-z0-9_.-]*(\/[A-Za-z0-9_][A-Za-z0-9_.-]*){0,11}$/;

/** @returns stops it */
export async function serveBundles(
  transport: Transport,
  namespace: string,
  folder: string,
): Promise<() => Promise<void>> {
  const own = await transport.subscribe(`${namespace}/edge/+/get`, (topic, payload) => {
    const replyTopic = topic.replace(/get$/, 'got');
    void answer(folder, payload)
      .then((reply) => reply && transport.publish(replyTopic, reply))
      .catch(() => undefined); // The device asks again.
  });
  return () => own.close();
}

/** Nothing for what is no request: whoever sent it does not wait for an answer. */
async function answer(folder: string, payload: Uint8Array): Promise<Uint8Array | undefined> {
  let request: RangeRequest;
  try {
    request = decodeJson(payload, rangeRequestSchema);
  } catch {
    return undefined;
  }
  try {
    return encodeEnvelope({ id: request.id }, [await readRange(folder, request)]);
  } catch (error) {
    return encodeEnvelope({ id: request.id, error: error instanceof Error ? error.message : String(error) });
  }
}

async function readRange(folder: string, { path, offset, bytes }: RangeRequest): Promise<Uint8Array> {
  const missing = new SplitError('bundle-invalid', 'no such file');
  if (!PATH.test(path)) throw missing;
  const handle = await open(join(folder, path)).catch(() => Promise.reject(missing));
  try {
    const buffer = new Uint8Array(bytes);
    const { bytesRead } = await handle.read(buffer, 0, bytes, offset).catch(() => Promise.reject(missing));
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
