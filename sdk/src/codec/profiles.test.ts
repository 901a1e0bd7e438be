import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Tensor } from '../tensor.ts';
import { calibrateTables } from './calibrate-tables.ts';
import { type CodecProfile, createCodec, isCodecProfile } from './codec.ts';
import { deflateNode } from './deflate-node.ts';
import { readCalibratedTables } from './entropy/calibrated-tables.ts';
import { ENTROPY_IDS, NUMBER_FORMAT_IDS, readFrame } from './frame.ts';
import { referenceKernels } from './kernels/reference.ts';
import { readScale } from './number-format/affine.ts';
import { zstdNode } from './zstd-node.ts';

const deflate = deflateNode();
const codec = createCodec({ deflate, zstd: zstdNode() });
const CODED: CodecProfile[] = [
  'uint8+rans',
  'uint8+context',
  'uint4+context',
  'uint8-channels+context',
  'uint4-channels+context',
  'step:0.25+context',
];

describe('the coded profiles', () => {
  it('decode to what the number format alone keeps, for rank 1 to 5, empty tensors and any channel count', async () => {
    const shapes = fc
      .array(fc.nat(20), { minLength: 1, maxLength: 3 })
      .chain((few) =>
        fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 2 }).map((more) => [...more, ...few]),
      );
    const plain = { 'uint8+rans': 'uint8', 'uint8+context': 'uint8', 'uint4+context': 'uint4' } as const;
    const profiles = fc.constantFrom(...(Object.keys(plain) as (keyof typeof plain)[]));
    await fc.assert(
      fc.asyncProperty(shapes, profiles, fc.nat(), async (dims, profile, seed) => {
        const tensor = smoothTensor(dims, seed);
        const coded = await codec.decode(await codec.encode(tensor, profile));
        expect(coded).toEqual(await codec.decode(await codec.encode(tensor, plain[profile])));
      }),
      { numRuns: 150 },
    );
  });

  it('give the same frames with the reference kernels', async () => {
    const slow = createCodec({ deflate, kernels: referenceKernels() });
    for (const dims of [[1, 24, 9, 13], [1, 30, 40], [700], [2, 3, 4, 17, 5]]) {
      for (const profile of CODED) {
        const tensor = smoothTensor(dims, 3);
        const frame = await codec.encode(tensor, profile);
        expect(await slow.encode(tensor, profile)).toEqual(frame);
        expect(await slow.decode(frame)).toEqual(await codec.decode(frame));
      }
    }
  });

  it('code smooth maps in fewer bytes by context than by frequency, zstd or deflate', async () => {
    const tensor = smoothTensor([1, 16, 60, 60], 5);
    const bytes = async (profile: CodecProfile) => (await codec.encode(tensor, profile)).length;
    const [context, ...others] = await Promise.all(
      (['uint8+context', 'uint8+rans', 'uint8+zstd', 'uint8+deflate'] as const).map(bytes),
    );
    expect(context).toBeLessThan(Math.min(...others));
    expect(await bytes('uint4+context')).toBeLessThan(await bytes('uint4+deflate'));
  });

  it('send a constant of a million elements in a few dozen bytes', async () => {
    const tensor: Tensor = {
      type: 'float32',
      dims: [1, 16, 250, 250],
      data: new Float32Array(1e6).fill(2.5),
    };
    const frame = await codec.encode(tensor, 'uint8+context');
    expect(frame.length).toBeLessThan(300);
    expect(await codec.decode(frame)).toEqual(tensor);
  });

  it('stay within half a step of every value with step profiles, outliers exact', async () => {
    const outliers: [number, number][] = [
      [17, 1e4],
      [4000, -3e5],
    ];
    const tensor = smoothTensor([1, 8, 32, 32], 7);
    for (const [place, value] of outliers) tensor.data[place] = value;
    const frame = await codec.encode(tensor, 'step:0.01+context');
    const { numberFormat, parameters } = readFrame(frame);
    expect(numberFormat).toBe(NUMBER_FORMAT_IDS.uniformStep);
    const { scale } = readScale(parameters);
    const { data } = await codec.decode(frame);
    for (const [index, value] of tensor.data.entries()) {
      expect(Math.abs(Number(data[index]) - Number(value))).toBeLessThanOrEqual(scale * 0.5001);
    }
    for (const [place, value] of outliers) expect(data[place]).toBe(value);
  });

  it('keep each channel within half of its own scale with channel profiles', async () => {
    const tensor = smoothTensor([1, 3, 20, 20], 9);
    for (let i = 0; i < 400; i++) tensor.data[i] = Number(tensor.data[i]) * 1000;
    const { data } = await codec.decode(await codec.encode(tensor, 'uint8-channels+context'));
    const worst = (from: number) =>
      Math.max(
        ...Array.from({ length: 400 }, (_, i) =>
          Math.abs(Number(data[from + i]) - Number(tensor.data[from + i])),
        ),
      );
    expect(worst(400)).toBeLessThan(worst(0) / 100);
  });

  it('keep the range and eight bits with bfloat16, and NaN a NaN', async () => {
    const data = Float32Array.of(1e38, -1e-38, 3.3, 0, -0, Number.POSITIVE_INFINITY, Number.NaN);
    const decoded = await codec.decode(await codec.encode({ type: 'float32', dims: [7], data }, 'bfloat16'));
    for (const [index, value] of data.entries()) {
      const got = Number(decoded.data[index]);
      if (Number.isFinite(value)) expect(Math.abs(got - value)).toBeLessThanOrEqual(Math.abs(value) / 256);
      else expect(got).toBe(value);
    }
  });

  it('are known by name, steps above zero included, and nothing else is', () => {
    for (const profile of CODED) expect(isCodecProfile(profile)).toBe(true);
    for (const wrong of [
      'step:0+context',
      'step:-1+context',
      'step:1e9+context',
      'step:+context',
      'uint8+lz4',
    ]) {
      expect(isCodecProfile(wrong)).toBe(false);
    }
  });
});

describe('calibrated tables', () => {
  const learned = [1, 2, 3].map((seed) => smoothTensor([1, 20, 30, 30], seed));

  it('leave the tables out of the frame, and decode where they are known', async () => {
    for (const profile of CODED) {
      const tables = readCalibratedTables((await calibrateTables(learned, profile)).bytes);
      const tensor = smoothTensor([1, 20, 30, 30], 99);
      const frame = await codec.encode(tensor, profile, { tables });
      expect(frame.length).toBeLessThan((await codec.encode(tensor, profile)).length);
      const knowing = createCodec({ deflate, findTables: (id) => (id === tables.id ? tables : undefined) });
      expect(await knowing.decode(frame)).toEqual(await codec.decode(await codec.encode(tensor, profile)));
      await expect(codec.decode(frame)).rejects.toMatchObject({
        code: 'tables-unknown',
        message: expect.stringContaining(`tables ${tables.id} are not known`),
      });
    }
  });

  it('code what they were not made for too', async () => {
    const tables = await calibrateTables(learned, 'uint8+context');
    const knowing = createCodec({ deflate, findTables: () => tables });
    for (const dims of [
      [1, 20, 30, 31],
      [3, 5],
      [2, 40, 3, 3],
    ]) {
      const tensor = smoothTensor(dims, 1234, 40);
      const decoded = await knowing.decode(await knowing.encode(tensor, 'uint8+context', { tables }));
      expect(decoded).toEqual(await codec.decode(await codec.encode(tensor, 'uint8')));
    }
  });

  it('are refused for a profile without tables, for no tensor, and from bytes that are not tables', async () => {
    await expect(calibrateTables(learned, 'uint8')).rejects.toMatchObject({ code: 'codec-invalid' });
    await expect(calibrateTables([], 'uint8+context')).rejects.toMatchObject({ code: 'codec-invalid' });
    const { bytes } = await calibrateTables(learned, 'uint8+context');
    for (const wrong of [bytes.subarray(1), bytes.subarray(0, -1), Uint8Array.of(...bytes, 0)]) {
      expect(() => readCalibratedTables(wrong)).toThrow(expect.objectContaining({ code: 'codec-invalid' }));
    }
  });
});

describe('a coded frame', () => {
  it('names its entropy coding, and falls back to none where coding does not pay', async () => {
    const entropyOf = async (dims: number[], profile: CodecProfile) =>
      readFrame(await codec.encode(smoothTensor(dims, 1), profile)).entropy;
    expect(await entropyOf([1, 16, 40, 40], 'uint8+context')).toBe(ENTROPY_IDS.contextRans);
    expect(await entropyOf([1, 16, 40, 40], 'uint8+rans')).toBe(ENTROPY_IDS.rans);
    expect(await entropyOf([5], 'uint8+context')).toBe(ENTROPY_IDS.none);
    expect(await entropyOf([0, 3], 'uint8+context')).toBe(ENTROPY_IDS.none);
  });

  it('is refused when its shape claims more than its bytes can hold', async () => {
    const frame = (await codec.encode(smoothTensor([1, 16, 40, 40], 1), 'uint8+context')).slice();
    new DataView(frame.buffer).setUint32(8 + 8, 60_000, true);
    await expect(codec.decode(frame, { maxBytes: 2 ** 40 })).rejects.toMatchObject({ code: 'codec-invalid' });
  });
});

/** Waves that differ from plane to plane, with a little noise. */
function smoothTensor(dims: number[], seed: number, noise = 1): Tensor & { data: Float32Array } {
  const count = dims.reduce((product, dim) => product * dim, 1);
  const columns = dims.at(-1) ?? 1;
  let state = seed | 1;
  const data = Float32Array.from({ length: count }, (_, index) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    const [x, y] = [index % columns, Math.floor(index / Math.max(1, columns))];
    return 10 * Math.sin(x / 9) + 10 * Math.cos(y / 7) + ((state >>> 16) / 65_536) * noise;
  });
  return { type: 'float32', dims, data };
}
