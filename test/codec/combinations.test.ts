/** Every combination of the codec's stages decodes: profiles ask for some, but the frame allows them all, for ever. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCodec } from '../../sdk/src/codec/codec.ts';
import { deflateNode } from '../../sdk/src/codec/deflate-node.ts';
import { ENTROPY_IDS, NUMBER_FORMAT_IDS, PREDICTOR_IDS, readFrame } from '../../sdk/src/codec/frame.ts';
import { zstdNode } from '../../sdk/src/codec/zstd-node.ts';
import { TENSOR_TYPES, type TensorType, tensorBytes } from '../../sdk/src/tensor.ts';
import { formatOf, frameBy, isOffered, type MadeFrame, type Stages } from './combination.ts';
import { DISTRIBUTIONS, makeTensor } from './values.ts';

const codec = createCodec({ deflate: deflateNode(), zstd: zstdNode() });
const TYPES = Object.keys(TENSOR_TYPES) as TensorType[];
const COMBINATIONS = Object.entries(NUMBER_FORMAT_IDS)
  .filter(([name]) => name !== 'image')
  .flatMap(([format, numberFormat]) =>
    Object.entries(PREDICTOR_IDS).flatMap(([by, predictor]) =>
      Object.entries(ENTROPY_IDS).map(([coding, entropy]) => ({
        name: `${format}, ${by}, ${coding}`,
        stages: { numberFormat, predictor, entropy },
      })),
    ),
  );

describe('a frame by number format, predictor and entropy coding', () => {
  it.each(COMBINATIONS)('$name: decodes to what the format keeps, whatever shape and values', async ({
    stages,
  }) => {
    const types = TYPES.filter((type) => formatOf(stages).symbolBits(type) && isOffered(stages, type));
    if (types.length === 0) return expectRefusal(stages);
    const kinds = fc.tuple(fc.constantFrom(...types), fc.constantFrom(...DISTRIBUTIONS));
    await fc.assert(
      fc.asyncProperty(shapes(), kinds, fc.nat(), async (dims, [type, distribution], seed) => {
        const how = { type, dims, distribution, seed };
        const made = await frameBy(
          stages,
          makeTensor({ ...how, frame: 0 }),
          makeTensor({ ...how, frame: 1 }),
        );
        if (made !== undefined) await expectFaithful(made);
      }),
      { numRuns: 15 },
    );
  });

  it.each(COMBINATIONS)('$name: is what the frame says, where the coding makes fewer bytes', async ({
    stages,
  }) => {
    const made = await sparseFrame(stages);
    const { numberFormat, predictor, entropy } = readFrame(made.frame);
    // Wide symbols have no tables; deflate packs them.
    const isWide = (formatOf(stages).symbolBits('float32') ?? 8) > 8;
    const used = isWide && stages.entropy >= ENTROPY_IDS.rans ? ENTROPY_IDS.deflate : stages.entropy;
    expect({ numberFormat, predictor, entropy }).toEqual({ ...stages, entropy: used });
  });
});

async function expectFaithful({ frame, reference, kept }: MadeFrame): Promise<void> {
  const decoded = await codec.decodeNext(frame, { findReference: () => reference });
  expect([decoded.tensor.type, decoded.tensor.dims]).toEqual([kept.type, kept.dims]);
  expect(Buffer.compare(tensorBytes(decoded.tensor), tensorBytes(kept))).toBe(0);
  const isKept = readFrame(frame).predictor !== PREDICTOR_IDS.none;
  expect(decoded.reference?.symbols.length).toBe(isKept ? reference.symbols.length : undefined);
}

/** By context, two bytes that are one number would be torn apart. */
async function expectRefusal(stages: Stages): Promise<void> {
  const { frame, reference } = await sparseFrame(stages);
  const decoding = codec.decodeNext(frame, { findReference: () => reference });
  await expect(decoding).rejects.toMatchObject({ code: 'codec-invalid' });
}

async function sparseFrame(stages: Stages): Promise<MadeFrame> {
  const how = { type: 'float32', dims: [1, 20, 16, 16], distribution: 'sparse', seed: 3 } as const;
  const made = await frameBy(stages, makeTensor({ ...how, frame: 0 }), makeTensor({ ...how, frame: 1 }));
  if (made === undefined) throw new Error('every format keeps these');
  return made;
}

/** Rank 0 to 6, empty dimensions, and numbers of channels around the coder's sixteen lanes. */
function shapes(): fc.Arbitrary<number[]> {
  const any = fc.array(fc.nat(5), { maxLength: 6 });
  const channels = fc.constantFrom(1, 15, 16, 17, 33);
  const maps = fc.tuple(fc.integer({ min: 1, max: 2 }), channels, fc.nat(9), fc.nat(9));
  const sequences = fc.tuple(fc.nat(30), channels);
  return fc.oneof(any, maps, sequences);
}
