import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { randomNumbers } from '../support/models/random-weights.ts';
import { hasTestData, listCases } from './cases.ts';
import { runCases } from './run-cases.ts';
import { readTable } from './table.ts';

/** Another tenth every day, the same one on the same day; CUTPOINT_SEED repeats that of another. */
const seed = Number(process.env.CUTPOINT_SEED ?? Math.trunc(Date.now() / 86_400_000));

const missing = testDataMissing();

describe('the table of ONNX backend cases', () => {
  const table = readTable();

  it('has no case that failed, no wrong cut, and a reason for every case that is left out', () => {
    expect(table.filter(({ result, wrong }) => result === 'failed' || wrong > 0)).toEqual([]);
    expect(table.filter(({ result, reason }) => result === 'left out' && !reason)).toEqual([]);
    expect(table.filter(({ result, cuts }) => result === 'passed' && cuts === 0)).toEqual([]);
  });

  it.skipIf(missing)(`names every case of the package ${missing ? `(${missing})` : ''}`, () => {
    expect(table.map(({ name }) => name)).toEqual(listCases());
  });

  it.skipIf(missing)(
    `holds for a tenth of them (seed ${seed}) ${missing ? `(${missing})` : ''}`,
    async () => {
      const next = randomNumbers(seed);
      const chosen = table.filter(() => next() < 0.1);
      const results = await runCases(chosen.map(({ name }) => name));
      // What onnxruntime-node itself can do depends on the machine (locales, for one); what we do with it must not.
      const expected = chosen.filter(({ result }) => result === 'passed');
      const names = new Set(expected.map(({ name }) => name));
      expect(results.filter(({ name, result }) => names.has(name) || result === 'failed')).toEqual(expected);
    },
    120_000,
  );
});

describe('runCases', () => {
  it('loses one case to a process that ends, and says at which stage it did', async () => {
    const program = join(import.meta.dirname, 'crashing-child.ts');
    const results = await runCases(['a', 'crash', 'b', 'crash later', 'c'], { program });
    expect(results.map(({ name, result }) => [name, result])).toEqual([
      ['a', 'passed'],
      ['crash', 'left out'],
      ['b', 'passed'],
      ['crash later', 'failed'],
      ['c', 'passed'],
    ]);
    expect(results[1]?.reason).toBe('onnxruntime-node itself ends with SIGABRT');
    expect(results[3]?.reason).toBe('the process ended at stage cut with SIGABRT');
  });
});

/** @throws Error when it is missing and the environment's CUTPOINT_REQUIRE names `onnx-testdata` */
function testDataMissing(): string | undefined {
  if (hasTestData()) return undefined;
  const reason = 'no libonnx-testdata';
  if ((process.env.CUTPOINT_REQUIRE ?? '').split(',').includes('onnx-testdata')) throw new Error(reason);
  return reason;
}
