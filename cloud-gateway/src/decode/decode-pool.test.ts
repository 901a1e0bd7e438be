import { createCodec, deflateNode, sampleTensor, type Tensor, type TensorInfo } from '@cutpoint/sdk/gateway';
import { afterAll, describe, expect, it } from 'vitest';
import { createDecodePool } from './decode-pool.ts';
import type { FramesToDecode } from './request-frames.ts';

const codec = createCodec({ deflate: deflateNode() });
const INFO: TensorInfo = { name: 'x', type: 'float32', shape: [1, 8, 16, 16] };
const X = sampleTensor({ type: 'float32', dims: [1, 8, 16, 16], seed: 3 });
const pool = createDecodePool({ threads: 2, tables: () => new Map() });
afterAll(() => pool.close());

function framesOf(frame: Uint8Array, device = 'd1', staysBytes = false): FramesToDecode {
  return { owner: { device, digest: 'd', cut: 'c' }, frames: [{ info: INFO, frame, staysBytes }] };
}

describe('decoding on threads', () => {
  it('gives what decoding here gives, for many devices at a time', async () => {
    const frame = await codec.encode(X, 'uint8+context');
    const expected = await codec.decode(frame);
    const devices = Array.from({ length: 12 }, (_, i) => `device-${i}`);
    const decoded = await Promise.all(devices.map((device) => pool.decode(framesOf(frame, device))));
    for (const [[name, value] = []] of decoded) expect([name, value]).toEqual(['x', expected]);
  });

  it('leaves bytes where they are wanted', async () => {
    const frame = await codec.encode(X, 'uint8+context');
    const [[, value] = []] = await pool.decode(framesOf(frame, 'd1', true));
    const { value: expected } = await codec.decodeBytes(frame);
    expect(value).toEqual({
      ...expected,
      symbols: Uint8Array.from((expected as { symbols: Uint8Array }).symbols),
    });
  });

  it('keeps what a sequence builds on, for its device', async () => {
    const profile = 'uint8+context+previous';
    const first = await codec.encodeNext(X, profile);
    await pool.decode(framesOf(first.frame));
    const data = Float32Array.from(X.data as Float32Array, (value, i) => (i < 40 ? value : value + 0.001));
    const next: Tensor = { ...X, data };
    const second = await codec.encodeNext(next, profile, { reference: first.reference });
    await expect(pool.decode(framesOf(second.frame))).resolves.toHaveLength(1);
    await expect(pool.decode(framesOf(second.frame, 'a stranger'))).rejects.toMatchObject({
      code: 'reference-unknown',
    });
  });

  it('refuses with the codes of the codec', async () => {
    await expect(pool.decode(framesOf(new Uint8Array(9)))).rejects.toMatchObject({ code: 'codec-invalid' });
  });
});
