import { describe, expect, it } from 'vitest';
import type { Tensor } from '../tensor.ts';
import { type CodecProfile, createCodec } from './codec.ts';
import { deflateNode } from './deflate-node.ts';
import { fitAffine } from './number-format/uint8-affine.ts';

describe('tensors that come as bytes', () => {
  const codec = createCodec({ deflate: deflateNode() });
  const data = Float32Array.from({ length: 960 }, (_, i) => Math.sin(i / 9) * 3 + 1);
  const floats: Tensor = { type: 'float32', dims: [1, 4, 12, 20], data };
  const { scale, zeroPoint } = fitAffine(data) as { scale: number; zeroPoint: number };
  const symbols = Uint8Array.from(data, (value) => Math.round(value / scale + zeroPoint));
  const bytes = { type: 'float32', dims: floats.dims, symbols, scale, zeroPoint } as const;

  it.each([
    'uint8',
    'uint8+deflate',
    'uint8+rans',
    'uint8+context',
  ] as const)('make the frame that their floats make, as %s', async (profile) => {
    expect(await codec.encodeQuantised(bytes, profile)).toEqual(await codec.encode(floats, profile));
  });

  it.each([
    'float32',
    'uint4',
    'uint8-channels+context',
    'step:1+context',
    'uint8+context+previous',
  ])('are refused as %s', async (profile) => {
    await expect(codec.encodeQuantised(bytes, profile as CodecProfile)).rejects.toMatchObject({
      code: 'codec-invalid',
    });
  });

  it('are refused where they do not fill their dimensions', async () => {
    const short = { ...bytes, symbols: symbols.subarray(1) };
    await expect(codec.encodeQuantised(short, 'uint8')).rejects.toMatchObject({ code: 'codec-invalid' });
  });

  it.each([
    'uint8',
    'uint8+deflate',
    'uint8+context',
  ] as const)('come back as bytes from %s', async (profile) => {
    const { value } = await codec.decodeBytes(await codec.encode(floats, profile));
    expect(value).toEqual(bytes);
  });

  it.each([
    'float32',
    'uint4',
    'uint8-channels+context',
  ] as const)('come back as floats from %s', async (profile) => {
    const frame = await codec.encode(floats, profile);
    const { value } = await codec.decodeBytes(frame);
    expect(value).toEqual(await codec.decode(frame));
  });
});
