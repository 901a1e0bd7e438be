import { describe, expect, it } from 'vitest';
import { decodeMutations } from '../support/codec-mutations.ts';

const seed = Number(process.env.CUTPOINT_SEED ?? 20_261);

describe(`20000 damaged frames of every profile (seed ${seed})`, () => {
  it('give a typed error or a tensor of the shape they claim', async () => {
    const { errors, tensors } = await decodeMutations(20_000, seed);
    expect(Math.min(errors, tensors)).toBeGreaterThan(1000);
  }, 120_000);
});
