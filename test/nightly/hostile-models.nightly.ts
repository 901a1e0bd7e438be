import fc from 'fast-check';
import { describe, it } from 'vitest';
import { expectModelOrTypedError, hostileBytes } from '../support/hostile-models.ts';

const seed = Number(process.env.CUTPOINT_SEED ?? Math.trunc(Date.now() / 1000));

describe(`a hundred thousand hostile files (seed ${seed})`, () => {
  it('give models or model-invalid, each soon', () => {
    fc.assert(fc.property(hostileBytes(), expectModelOrTypedError), { numRuns: 100_000, seed });
  });
});
