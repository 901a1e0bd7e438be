import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { elementCount, type Tensor, tensorBytes, tensorFromBytes } from '../../tensor.ts';
import { type CodecProfile, createCodec, type Reference } from '../codec.ts';
import { deflateNode } from '../deflate-node.ts';
import { PREDICTOR_IDS, readFrame } from '../frame.ts';
import { referenceKernels } from '../kernels/reference.ts';
import { readScale } from '../number-format/affine.ts';
import { zstdNode } from '../zstd-node.ts';
import { makePredictors } from './predictor.ts';

const deflate = deflateNode();
const codec = createCodec({ deflate, zstd: zstdNode() });
const FORMATS = ['float32', 'float16', 'bfloat16', 'uint8', 'uint4'] as const;
const CODINGS = ['', '+deflate', '+zstd'] as const;
const SEQUENCES = [
  ...FORMATS.flatMap((format) =>
    CODINGS.map((coding) => `${format}${coding}+previous`).filter(
      (name) => name !== 'bfloat16+zstd+previous' && name !== 'uint4+zstd+previous',
    ),
  ),
  'uint8+rans+previous',
  'uint8+context+previous',
  'uint4+context+previous',
  'uint8-channels+context+previous',
  'uint4-channels+context+previous',
  'step:0.1+context+previous',
] as CodecProfile[];

describe('a predictor', () => {
  it.each([15, 255] as const)('gives back the symbols, whatever the reference, up to %i', (maxSymbol) => {
    const symbols = fc.uint8Array({ max: maxSymbol, maxLength: 300 });
    for (const predictor of Object.values(makePredictors(maxSymbol))) {
      fc.assert(
        fc.property(symbols, fc.infiniteStream(fc.nat(maxSymbol)), (some, random) => {
          const reference = Uint8Array.from(random.take(some.length));
          const predicted = predictor.predict(some, reference);
          expect(predicted.length).toBe(elementCount(predictor.dims([some.length], some.length)));
          expect(Math.max(0, ...predicted)).toBeLessThanOrEqual(maxSymbol);
          expect(predictor.restore(predicted, reference)).toEqual(some);
        }),
      );
    }
  });

  it('makes zeros of what stayed the same', () => {
    const symbols = Uint8Array.from({ length: 500 }, (_, i) => (i * i) & 255);
    for (const predictor of Object.values(makePredictors(255))) {
      expect(predictor.predict(symbols, symbols).every((symbol) => symbol === 0)).toBe(true);
    }
  });
});

describe('a sequence', () => {
  it('decodes, frame after frame, to what each frame says, for every format, coding, shape and kind of value', async () => {
    const dims = fc.array(fc.nat({ max: 18 }), { maxLength: 3 });
    const more = fc.array(fc.integer({ min: 1, max: 2 }), { maxLength: 2 });
    const shapes = fc.tuple(more, dims).map(([some, others]) => [...some, ...others]);
    const profiles = fc.constantFrom(...SEQUENCES);
    const kinds = fc.constantFrom(...KINDS);
    await fc.assert(
      fc.asyncProperty(shapes, profiles, kinds, fc.nat(), async (shape, profile, kind, seed) => {
        await expectFaithful(
          profile,
          [0, 1, 2].map((frame) => kind(shape, seed, frame)),
        );
      }),
      { numRuns: 400 },
    );
  });

  it('gives the same bytes with the reference kernels', async () => {
    const slow = createCodec({ deflate, kernels: referenceKernels() });
    for (const profile of [
      'uint8+context+previous',
      'uint4+context+previous',
      'uint8+rans+previous',
    ] as const) {
      for (const dims of [[1, 20, 9, 13], [1, 30, 40], [700]]) {
        const [fast, same] = [await encodeAll(codec, profile, dims), await encodeAll(slow, profile, dims)];
        expect(same).toEqual(fast);
      }
    }
  });

  it('sends a still scene in a fraction, and a cut to another scene as if nothing had been before', async () => {
    const still = [0, 1].map((frame) => noisy([1, 16, 40, 40], { seed: 3, frame, noise: 0.05 }));
    const other = noisy([1, 16, 40, 40], { seed: 99, frame: 2, noise: 20 });
    const first = await codec.encodeNext(still[0] as Tensor, 'uint8+context+previous');
    const { reference } = first;
    const second = await codec.encodeNext(still[1] as Tensor, 'uint8+context+previous', { reference });
    expect(second.frame.length).toBeLessThan(first.frame.length / 2);
    expect(readFrame(second.frame).predictor).not.toBe(PREDICTOR_IDS.first);
    const third = await codec.encodeNext(other, 'uint8+context+previous', { reference });
    const alone = await codec.encodeNext(other, 'uint8+context+previous');
    expect(third.frame).toEqual(alone.frame);
  });

  it('takes no more bytes than frames that stand alone, however much has changed between them', async () => {
    const profile = 'uint8+context+previous';
    for (const dims of [
      [1, 32, 28, 28],
      [1, 60, 40],
    ]) {
      for (const noise of [0.5, 1, 2, 3, 4, 6, 9, 15]) {
        const [before, after] = [0, 1].map((frame) => noisy(dims, { seed: 5, frame, noise }));
        const { reference } = await codec.encodeNext(before as Tensor, profile);
        const next = await codec.encodeNext(after as Tensor, profile, { reference });
        const alone = await codec.encodeNext(after as Tensor, profile);
        expect(next.frame.length).toBeLessThan(alone.frame.length * 1.02);
      }
    }
  });

  it('keeps the scale while the values fit it, within half of it', async () => {
    const frames = [1, 1.01, 0.99].map((factor) => scaled(noisy([1, 4, 30, 30], { seed: 5 }), factor));
    let reference: Reference | undefined;
    const scales: number[] = [];
    for (const tensor of frames) {
      const next = await codec.encodeNext(tensor, 'uint8+context+previous', { reference });
      reference = next.reference;
      scales.push(readScale(readFrame(next.frame).parameters).scale);
    }
    expect(new Set(scales).size).toBe(1);
    const small = scaled(frames[0] as Tensor, 0.1);
    const next = await codec.encodeNext(small, 'uint8+context+previous', { reference });
    expect(readScale(readFrame(next.frame).parameters).scale).toBeLessThan((scales[0] ?? 0) / 5);
  });
});

describe('a frame that builds on another', () => {
  it('is refused by a decoder that does not have it, has another one, or one of other meaning', async () => {
    const [one, two] = [0, 1].map((frame) => noisy([1, 16, 20, 20], { seed: 1, frame, noise: 0.05 }));
    const profile = 'uint8+context+previous';
    const { reference } = await codec.encodeNext(one as Tensor, profile);
    const { frame } = await codec.encodeNext(two as Tensor, profile, { reference });
    const refusal = { code: 'reference-unknown', message: expect.stringContaining(reference.id) };
    await expect(codec.decode(frame)).rejects.toMatchObject(refusal);
    await expect(codec.decodeNext(frame)).rejects.toMatchObject(refusal);
    for (const other of [{ dims: [1, 16, 400] }, { numberFormat: 4 }, { parameters: new Uint8Array(8) }]) {
      const findReference = () => ({ ...reference, ...other });
      await expect(codec.decodeNext(frame, { findReference })).rejects.toMatchObject(refusal);
    }
    const { tensor } = await codec.decodeNext(frame, { findReference: () => reference });
    expect(tensor.dims).toEqual(two?.dims);
  });

  it('names it by what it holds: one changed symbol is another id', async () => {
    const { reference } = await codec.encodeNext(noisy([3, 50], { seed: 4 }), 'uint8+previous');
    const ids = new Set([reference.id]);
    for (let place = 0; place < 150; place++) {
      const bytes = tensorBytes(noisy([3, 50], { seed: 4 }));
      new DataView(bytes.buffer, bytes.byteOffset).setFloat32(4 * place, 3.1 + place / 100, true);
      const changed = tensorFromBytes('float32', [3, 50], bytes);
      ids.add((await codec.encodeNext(changed, 'float32+previous')).reference.id);
    }
    expect(ids.size).toBe(151);
  });

  it('is not made by plain profiles, and plain encoding makes none of sequence profiles', async () => {
    const tensor = noisy([1, 16, 10, 10], { seed: 8 });
    const frame = await codec.encode(tensor, 'uint8+context+previous');
    expect(readFrame(frame).predictor).toBe(PREDICTOR_IDS.none);
    expect((await codec.decodeNext(frame)).reference).toBeUndefined();
  });
});

/** Encodes and decodes with a decoder that only knows what it decoded. */
async function expectFaithful(profile: CodecProfile, frames: readonly Tensor[]): Promise<void> {
  const decoderHas = new Map<string, Reference>();
  let reference: Reference | undefined;
  for (const tensor of frames) {
    const next = await codec.encodeNext(tensor, profile, { reference });
    reference = next.reference;
    const decoded = await codec.decodeNext(next.frame, { findReference: (id) => decoderHas.get(id) });
    expect(decoded.reference).toEqual(reference);
    decoderHas.set(reference.id, reference);
    expect([decoded.tensor.type, decoded.tensor.dims]).toEqual([tensor.type, tensor.dims]);
    expectWithinBound(decoded.tensor, tensor, next.frame);
  }
}

/** Half a scale for the affine formats and the step, the rounding of the small floats, else the very bits. */
function expectWithinBound(decoded: Tensor, tensor: Tensor, frame: Uint8Array): void {
  const { numberFormat, parameters } = readFrame(frame);
  if (numberFormat === 0) {
    expect(Buffer.from(tensorBytes(decoded)).equals(Buffer.from(tensorBytes(tensor)))).toBe(true);
    return;
  }
  const scales = [2, 4, 5].includes(numberFormat)
    ? [readScale(parameters).scale]
    : Array.from({ length: parameters.length / 8 }, (_, index) => readScale(parameters, index).scale);
  const half = Math.max(0, ...scales) / 2;
  const share = numberFormat === 1 ? 2 ** -11 : numberFormat === 3 ? 2 ** -8 : 2 ** -20;
  for (const [index, value] of (tensor.data as Float32Array).entries()) {
    const got = Number(decoded.data[index]);
    if (!Number.isFinite(value)) expect(got).toBe(value);
    else if (Math.abs(got - value) > half * 1.0001 + Math.abs(value) * share + 2 ** -24) {
      expect.fail(`${got} for ${value} with format ${numberFormat}`);
    }
  }
}

type Kind = (dims: readonly number[], seed: number, frame: number) => Tensor;

const KINDS: readonly Kind[] = [
  (dims, seed, frame) => noisy(dims, { seed, frame, noise: 0.1 }),
  (dims, seed, frame) => noisy(dims, { seed, frame, noise: 30 }),
  (dims, seed) => filled(dims, () => seed - 1e9),
  (dims, seed, frame) => filled(dims, (i) => ((i * 31 + seed + frame) % 9 === 0 ? i + 1 : 0)),
  (dims, seed, frame) => filled(dims, (i) => (i === seed % 50 ? 1e6 * (frame + 1) : Math.sin(i + seed))),
  (dims, seed, frame) =>
    filled(dims, (i) => (i === (seed + frame) % 7 ? ([Number.NaN, Infinity, -Infinity][i % 3] ?? 0) : i / 3)),
  (dims, seed, frame) => ({
    type: 'int64',
    dims,
    data: BigInt64Array.from({ length: elementCount(dims) }, (_, i) => BigInt(i * seed + frame)),
  }),
  (dims, seed, frame) => ({
    type: 'bool',
    dims,
    data: Uint8Array.from({ length: elementCount(dims) }, (_, i) =>
      Number((i * seed + (frame >> 1)) % 3 === 0),
    ),
  }),
];

function filled(dims: readonly number[], valueAt: (index: number) => number): Tensor {
  return {
    type: 'float32',
    dims,
    data: Float32Array.from({ length: elementCount(dims) }, (_, i) => valueAt(i)),
  };
}

/** Waves that stay from frame to frame, and noise that does not. */
function noisy(
  dims: readonly number[],
  { seed, frame = 0, noise = 0 }: { readonly seed: number; readonly frame?: number; readonly noise?: number },
): Tensor {
  const columns = Math.max(1, dims.at(-1) ?? 1);
  let state = (Math.imul(seed + 1, 2_654_435_761) ^ Math.imul(frame + 1, 40_503)) | 1;
  return filled(dims, (index) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    const [x, y] = [index % columns, Math.floor(index / columns)];
    return 9 * Math.sin(x / 9 + seed) + 9 * Math.cos(y / 7) + ((state >>> 16) / 65_536) * noise;
  });
}

function scaled({ type, dims, data }: Tensor, factor: number): Tensor {
  return { type, dims, data: (data as Float32Array).map((value) => value * factor) };
}

async function encodeAll(
  some: typeof codec,
  profile: CodecProfile,
  dims: readonly number[],
): Promise<Uint8Array[]> {
  let reference: Reference | undefined;
  const frames: Uint8Array[] = [];
  for (const frame of [0, 1, 2]) {
    const next = await some.encodeNext(noisy(dims, { seed: 7, frame, noise: 1 }), profile, { reference });
    reference = next.reference;
    frames.push(next.frame);
  }
  return frames;
}
