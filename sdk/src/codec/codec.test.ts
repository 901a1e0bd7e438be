import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSplitError } from '../errors.ts';
import type { Tensor, TensorType } from '../tensor.ts';
import { elementCount, TENSOR_TYPES, tensorBytes, tensorFromBytes } from '../tensor.ts';
import { CODEC_PROFILES, createCodec } from './codec.ts';
import { deflateNode } from './deflate-node.ts';
import { ENTROPY_IDS, NUMBER_FORMAT_IDS, readFrame, writeFrame } from './frame.ts';

const codec = createCodec({ deflate: deflateNode() });
const TYPES = Object.keys(TENSOR_TYPES) as TensorType[];
const LOSSLESS = ['float32', 'float32+deflate'] as const;

describe('codec', () => {
  it('gives any tensor back bit for bit with the lossless profiles', async () => {
    const any = fc.tuple(anyTensor(), fc.constantFrom(...LOSSLESS));
    await fc.assert(
      fc.asyncProperty(any, async ([tensor, profile]) => {
        const decoded = await codec.decode(await codec.encode(tensor, profile));
        expect(shapeOf(decoded)).toEqual(shapeOf(tensor));
        expect(tensorBytes(decoded)).toEqual(tensorBytes(tensor));
      }),
    );
  });

  it('keeps type and shape with every profile, and all bits of what is no float', async () => {
    const any = fc.tuple(anyTensor(), fc.constantFrom(...CODEC_PROFILES));
    await fc.assert(
      fc.asyncProperty(any, async ([tensor, profile]) => {
        const decoded = await codec.decode(await codec.encode(tensor, profile));
        expect(shapeOf(decoded)).toEqual(shapeOf(tensor));
        if (!tensor.type.startsWith('float')) expect(tensorBytes(decoded)).toEqual(tensorBytes(tensor));
      }),
    );
  });

  it('keeps NaN payloads and negative zero when lossless', async () => {
    const words = Uint32Array.of(0x7fc0_1234, 0xff80_0001, 0x8000_0000, 0x0000_0001);
    const tensor: Tensor = { type: 'float32', dims: [4], data: new Float32Array(words.buffer) };
    const decoded = await codec.decode(await codec.encode(tensor, 'float32+deflate'));
    expect(tensorBytes(decoded)).toEqual(tensorBytes(tensor));
  });

  it('stays within half a unit in the last place with float16', async () => {
    const values = fc.float32Array({ noNaN: true, min: -60000, max: 60000, minLength: 1, maxLength: 200 });
    await fc.assert(
      fc.asyncProperty(values, async (data) => {
        const decoded = await codec.decode(
          await codec.encode({ type: 'float32', dims: [data.length], data }, 'float16'),
        );
        for (const [index, value] of data.entries()) {
          const bound = Math.max(Math.abs(value) * 2 ** -11, 2 ** -25);
          expect(Math.abs(Number(decoded.data[index]) - value)).toBeLessThanOrEqual(bound);
        }
      }),
    );
  });

  it('sends what a format cannot keep as it is', async () => {
    const cases = [
      ['uint8', [1, Number.NaN]],
      ['uint8', [1, Number.POSITIVE_INFINITY]],
      ['float16', [1, 1e6]],
    ] as const;
    for (const [profile, values] of cases) {
      const tensor: Tensor = { type: 'float32', dims: [2], data: Float32Array.from(values) };
      const frame = await codec.encode(tensor, profile);
      expect(readFrame(frame).numberFormat).toBe(NUMBER_FORMAT_IDS.raw);
      expect(await codec.decode(frame)).toEqual(tensor);
    }
  });

  it('packs only where that makes the frame smaller', async () => {
    const zeros: Tensor = { type: 'float32', dims: [1000], data: new Float32Array(1000) };
    const packed = await codec.encode(zeros, 'uint8+deflate');
    expect(readFrame(packed).entropy).toBe(ENTROPY_IDS.deflate);
    expect(packed.length).toBeLessThan(100);
    const tiny: Tensor = { type: 'uint8', dims: [3], data: Uint8Array.of(1, 2, 3) };
    expect(readFrame(await codec.encode(tiny, 'uint8+deflate')).entropy).toBe(ENTROPY_IDS.none);
  });

  it('spends 7 bytes, one for each dimension below 128, and 8 for the scale of uint8', async () => {
    const tensor: Tensor = { type: 'float32', dims: [2, 5], data: new Float32Array(10) };
    const sizes = await Promise.all(
      (['float32', 'float16', 'uint8'] as const).map((p) => codec.encode(tensor, p)),
    );
    expect(sizes.map((frame) => frame.length)).toEqual([9 + 40, 9 + 20, 9 + 8 + 10]);
  });

  it('gives a tensor that does not change with the memory of the frame', async () => {
    const tensor: Tensor = { type: 'float32', dims: [2], data: Float32Array.of(1, 2) };
    const frame = await codec.encode(tensor, 'float32');
    const decoded = await codec.decode(frame);
    frame.fill(0xff);
    expect(decoded).toEqual(tensor);
  });

  it('decodes a frame at any address, Buffers included', async () => {
    const tensor: Tensor = { type: 'float32', dims: [3], data: Float32Array.of(1, 2, 3) };
    for (const profile of CODEC_PROFILES) {
      const frame = await codec.encode(tensor, profile);
      const shifted = Buffer.alloc(frame.length + 1).subarray(1);
      shifted.set(frame);
      expect(shapeOf(await codec.decode(shifted))).toEqual(shapeOf(tensor));
    }
  });

  it('refuses to encode what is no tensor, or with an unknown profile', async () => {
    const data = new Float32Array(4);
    const wrong: Tensor[] = [
      { type: 'float32', dims: [5], data },
      { type: 'float64', dims: [4], data },
      { type: 'float32', dims: [-2, -2], data },
      { type: 'float32', dims: [1, 1, 1, 1, 1, 1, 1, 1, 4], data },
    ];
    for (const tensor of wrong) await expectInvalid(codec.encode(tensor, 'float32'));
    const profile = 'constructor' as (typeof CODEC_PROFILES)[number];
    await expectInvalid(codec.encode({ type: 'float32', dims: [4], data }, profile), '"constructor"');
  });

  it('refuses a frame whose claims do not hold, naming the claim', async () => {
    const sound = await codec.encode(
      { type: 'float32', dims: [4], data: Float32Array.of(1, 2, 3, 4) },
      'uint8',
    );
    const patched = (offset: number, ...bytes: number[]) => {
      const frame = sound.slice();
      frame.set(bytes, offset);
      return frame;
    };
    await expectInvalid(codec.decode(new Uint8Array(0)), '0 bytes');
    await expectInvalid(codec.decode(patched(0, 3)), 'version 3');
    await expectInvalid(codec.decode(patched(1, 9)), 'number format 9');
    await expectInvalid(codec.decode(patched(2, 9)), 'predictor 9');
    await expectInvalid(codec.decode(patched(2, 1)), 'no id of a reference');
    await expectInvalid(codec.decode(patched(3, 7)), 'entropy coding 7');
    await expectInvalid(codec.decode(patched(4, 8)), 'element type 8');
    await expectInvalid(codec.decode(patched(4, 7)), 'int64');
    await expectInvalid(codec.decode(patched(5, 9)), 'rank 9');
    await expectInvalid(codec.decode(patched(6, 0x7f)), 'header takes');
    await expectInvalid(codec.decode(patched(6, 4)), '4 bytes of parameters');
    await expectInvalid(codec.decode(patched(7, 5)), 'payload of 4 bytes, not 5');
    await expectInvalid(codec.decode(patched(6, 255, 255, 255, 255, 255)), 'does not end');
    await expectInvalid(codec.decode(patched(7, 255, 255, 255, 255, 127)), 'dimension 34359738367');
    await expectInvalid(codec.decode(Uint8Array.of(1, 0, 0, 0, 1, 8)), 'header takes 40');
    await expectInvalid(codec.decode(patched(8, 0, 0, 0, 0)), 'scale 0');
    await expectInvalid(codec.decode(sound.subarray(0, -1)), 'payload of 3 bytes');
  });

  it('refuses a tensor over the limit by its claim alone', async () => {
    const claim = (dims: number[]) =>
      frameOf({ dims, entropy: ENTROPY_IDS.deflate, payload: new Uint8Array(10) });
    await expectInvalid(codec.decode(claim([0xffff_ffff, 0xffff_ffff])), 'exceeds 268435456');
    await expectInvalid(codec.decode(claim(Array.from({ length: 8 }, () => 0xffff_ffff))), 'exceeds');
    await expectInvalid(codec.decode(claim([251]), { maxBytes: 1000 }), '1004 bytes exceeds 1000');
    await expectInvalid(codec.decode(claim([5000])), '10 bytes cannot hold 20000');
  });

  it('refuses packed bytes that hold more or less than said, are damaged, or have a tail', async () => {
    const { deflate } = deflateNode();
    const payload = await deflate(new Uint8Array(400));
    const decode = (dims: number[], bytes: Uint8Array) =>
      codec.decode(frameOf({ dims, entropy: ENTROPY_IDS.deflate, payload: bytes }));
    expect((await decode([100], payload)).data).toHaveLength(100);
    await expectInvalid(decode([99], payload));
    await expectInvalid(decode([101], payload), '400 bytes came out, not 404');
    await expectInvalid(decode([0], payload));
    await expectInvalid(decode([100], payload.subarray(0, -2)));
    await expectInvalid(decode([100], Uint8Array.from([...payload, 0])), 'the stream ends');
  });

  it('answers 5000 damaged and random frames with a typed error or a tensor of the shape they claim', async () => {
    const originals = await soundFrames();
    const damaged = fc.tuple(fc.nat(originals.length - 1), edits()).map(([index, changes]) => {
      const frame = (originals[index] ?? new Uint8Array(0)).slice();
      for (const [offset, byte] of changes) frame[offset % frame.length] = byte;
      return frame;
    });
    const cut = fc.tuple(damaged, fc.nat(200)).map(([frame, length]) => frame.subarray(0, length));
    const anything = fc.oneof(damaged, cut, fc.uint8Array({ maxLength: 64 }));
    await fc.assert(fc.asyncProperty(anything, expectErrorOrTensor), { numRuns: 5000 });
  });
});

async function expectErrorOrTensor(bytes: Uint8Array): Promise<void> {
  try {
    const { type, dims, data } = await codec.decode(bytes, { maxBytes: 1 << 20 });
    expect({ type, dims }).toEqual(shapeOf(readFrame(bytes)));
    expect(data.length).toBe(elementCount(dims));
  } catch (error) {
    if (!isSplitError(error)) throw error;
    expect(['codec-invalid', 'reference-unknown', 'tables-unknown']).toContain(error.code);
  }
}

async function soundFrames(): Promise<Uint8Array[]> {
  const data = Float32Array.from({ length: 24 }, (_, index) => Math.max(0, Math.sin(index)));
  const tensors: Tensor[] = [
    { type: 'float32', dims: [2, 3, 4], data },
    { type: 'float16', dims: [24], data: new Uint16Array(24) },
    { type: 'int64', dims: [], data: BigInt64Array.of(7n) },
  ];
  const pairs = tensors.flatMap((tensor) => CODEC_PROFILES.map((profile) => codec.encode(tensor, profile)));
  return Promise.all(pairs);
}

function edits(): fc.Arbitrary<[number, number][]> {
  const header = fc.tuple(fc.nat(11), fc.nat(20));
  const anywhere = fc.tuple(fc.nat(1000), fc.nat(255));
  return fc.array(fc.oneof(header, anywhere), { minLength: 1, maxLength: 4 });
}

/** Any type, any shape up to rank 5 with empty dimensions, any bits or values as activations have them. */
function anyTensor(): fc.Arbitrary<Tensor> {
  const dims = fc.array(fc.nat(4), { maxLength: 5 });
  return fc
    .tuple(fc.constantFrom(...TYPES), dims, fc.boolean(), fc.infiniteStream(fc.nat(255)))
    .map(([type, shape, isActivation, random]) => {
      const count = elementCount(shape);
      if (isActivation) return activation(shape, random);
      const bytes = Uint8Array.from(random.take(count * TENSOR_TYPES[type].bytes));
      return tensorFromBytes(type, shape, bytes);
    });
}

function activation(dims: readonly number[], random: fc.Stream<number>): Tensor {
  const values = random.take(elementCount(dims)).map((byte) => Math.max(0, byte - 128) / 16);
  return { type: 'float32', dims, data: Float32Array.from(values) };
}

function frameOf(part: { dims: number[]; entropy: number; payload: Uint8Array }): Uint8Array {
  return writeFrame({
    numberFormat: 0,
    predictor: 0,
    type: 'float32',
    parameters: new Uint8Array(0),
    ...part,
  });
}

function shapeOf({ type, dims }: Pick<Tensor, 'type' | 'dims'>): Pick<Tensor, 'type' | 'dims'> {
  return { type, dims };
}

async function expectInvalid(promise: Promise<unknown>, text = ''): Promise<void> {
  await expect(promise).rejects.toMatchObject({
    code: 'codec-invalid',
    message: expect.stringContaining(text),
  });
}
