import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  classCount,
  everyCell,
  MAX_CLASSES,
  MAX_ENERGY_ROWS,
  MAX_ROWS,
  ROW_CELLS,
} from '../entropy/cells.ts';
import type { CoderTables } from '../entropy/coder-tables.ts';
import { ESCAPE_SLOT, normaliseCounts, SYMBOLS } from '../entropy/frequencies.ts';
import type { Grid, Layout } from '../entropy/grid.ts';
import type { Contexts } from '../entropy/neighbours.ts';
import { MAX_TABLES, tableCount } from '../entropy/neighbours.ts';
import type { Kernels, Range } from './kernels.ts';
import { referenceKernels } from './reference.ts';
import { loadKernels } from './wasm.ts';

const reference = referenceKernels();
let wasm: Kernels;
beforeAll(async () => {
  wasm = await loadKernels();
  expect(wasm.name).toBe('wasm');
});

describe('the WebAssembly kernels', () => {
  it('are what their source builds', () => {
    const tool = fileURLToPath(new URL('../../../../tools/build-kernels.mjs', import.meta.url));
    expect(execFileSync(process.execPath, [tool, '--check'], { encoding: 'utf8' })).toBe('up to date\n');
  }, 120_000);

  it('count, encode and decode any symbols as the reference does, and decode to what was encoded', () => {
    fc.assert(
      fc.property(anySymbols(), anyContexts(), ({ grid, symbols }, contexts) => {
        const counts = reference.count(symbols, grid, contexts);
        expect(wasm.count(symbols, grid, contexts)).toEqual(counts);
        const tables = tablesOf(grid, contexts, counts);
        const coded = reference.encode(symbols, grid, tables);
        expect(wasm.encode(symbols, grid, tables)).toEqual(coded);
        expect(reference.decode(coded, grid, tables)).toEqual(symbols);
        expect(wasm.decode(coded, grid, tables)).toEqual(symbols);
      }),
      { numRuns: 300 },
    );
  });

  it('count every cell by itself as the reference does', () => {
    const models = fc.constantFrom<'graded' | 'median'>('graded', 'median');
    fc.assert(
      fc.property(anySymbols(), models, ascending(MAX_ROWS - 1), ({ grid, symbols }, model, steps) => {
        const contexts: Contexts = { model, cells: everyCell(steps) };
        expect(wasm.count(symbols, grid, contexts)).toEqual(reference.count(symbols, grid, contexts));
      }),
    );
  });

  it('decode by tables they still have, by others in between, and after counting', () => {
    const grid: Grid = { layout: 'planar', planes: 17, rows: 4, columns: 9 };
    const symbols = Uint8Array.from({ length: 612 }, (_, index) => (index * 7) % 50);
    const sides = [Uint8Array.of(9), Uint8Array.of(30, 40)].map((thresholds) => {
      const contexts: Contexts = { model: 'level', thresholds };
      const tables = tablesOf(grid, contexts, reference.count(symbols, grid, contexts));
      return { contexts, tables, coded: reference.encode(symbols, grid, tables) };
    });
    for (let round = 0; round < 3; round++) {
      for (const { contexts, tables, coded } of sides) {
        for (let again = 0; again < 2; again++) {
          expect(wasm.encode(symbols, grid, tables)).toEqual(coded);
          expect(wasm.decode(coded, grid, tables)).toEqual(symbols);
        }
        if (round === 1) wasm.count(symbols, grid, contexts);
      }
    }
  });

  it('code symbols that the tables do not know as escapes', () => {
    fc.assert(
      fc.property(anySymbols(), anySymbols(), anyContexts(), ({ grid, symbols }, other, contexts) => {
        const tables = tablesOf(grid, contexts, reference.count(other.symbols, other.grid, contexts));
        const coded = reference.encode(symbols, grid, tables);
        expect(wasm.encode(symbols, grid, tables)).toEqual(coded);
        expect(reference.decode(coded, grid, tables)).toEqual(symbols);
        expect(wasm.decode(coded, grid, tables)).toEqual(symbols);
      }),
      { numRuns: 200 },
    );
  });

  it('keep every frequency from 1 to 4095 apart', () => {
    const grid: Grid = { layout: 'planar', planes: 16, rows: 1, columns: 40 };
    const contexts: Contexts = { model: 'level', thresholds: new Uint8Array(0) };
    for (let frequency = 1; frequency <= ESCAPE_SLOT; frequency++) {
      const frequencies = new Uint16Array(SYMBOLS);
      frequencies[7] = frequency;
      frequencies[200] = ESCAPE_SLOT - frequency;
      const tables: CoderTables = { layout: 'planar', contexts, frequencies: [frequencies] };
      const symbols = Uint8Array.from({ length: 640 }, (_, i) => ((i * frequency) % 640 < 400 ? 7 : 200));
      const coded = wasm.encode(symbols, grid, tables);
      expect(wasm.decode(coded, grid, tables)).toEqual(symbols);
      if (frequency % 16 !== 1) continue;
      expect(reference.encode(symbols, grid, tables)).toEqual(coded);
      expect(reference.decode(coded, grid, tables)).toEqual(symbols);
    }
  });

  it('find out like the reference that words, escapes or states were changed', () => {
    const changes = fc.record({
      part: fc.constantFrom('states', 'words', 'escapes'),
      at: fc.nat(),
      by: fc.integer({ min: 1, max: 255 }),
      cut: fc.boolean(),
    });
    fc.assert(
      fc.property(
        anySymbols(),
        anyContexts(),
        changes,
        ({ grid, symbols }, contexts, { part, at, by, cut }) => {
          const tables = tablesOf(grid, contexts, new Uint32Array(tableCount(contexts) * SYMBOLS).fill(1));
          const sound = reference.encode(symbols, grid, tables);
          const states = sound.states.slice();
          const words = sound.words.slice(0, cut ? -2 : undefined);
          if (part === 'states')
            states[at % 16] = 0x8000 + (((states[at % 16] ?? 0) + by * 977) % 0x7fff_0000);
          if (part === 'words' && words.length > 0)
            words[at % words.length] = (words[at % words.length] ?? 0) ^ by;
          const escapes = part === 'escapes' ? Uint8Array.of(...sound.escapes, by) : sound.escapes;
          const coded = { states, words, escapes };
          expect(wasm.decode(coded, grid, tables)).toEqual(reference.decode(coded, grid, tables));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('quantise and find ranges as the reference does, to the last tie', () => {
    const values = fc.oneof(
      fc.float32Array({ maxLength: 70 }),
      fc
        .array(fc.integer({ min: -600, max: 600 }), { maxLength: 70 })
        .map((list) => Float32Array.from(list, (n) => n / 4)),
    );
    const scales = fc.record({
      scale: fc.constantFrom(0.5, 1, 0.1, 3e-5),
      zeroPoint: fc.constantFrom(0, 128, -3, 17.25),
    });
    fc.assert(
      fc.property(values, scales, fc.constantFrom(255, 15), (floats, scale, maxSymbol) => {
        expect(wasm.range(floats)).toEqual(reference.range(floats));
        if (reference.range(floats) === undefined) return;
        const symbols = reference.quantise(floats, scale, maxSymbol);
        expect(wasm.quantise(floats, scale, maxSymbol)).toEqual(symbols);
        expect(wasm.dequantise(symbols, scale)).toEqual(reference.dequantise(symbols, scale));
        const scaleFor = (range: Range) => (range.max > 7 ? undefined : scale);
        expect(wasm.quantiseFitted(floats, scaleFor, maxSymbol)).toEqual(
          reference.quantiseFitted(floats, scaleFor, maxSymbol),
        );
      }),
      { numRuns: 300 },
    );
  });
});

function tablesOf({ layout }: Grid, contexts: Contexts, counts: Uint32Array): CoderTables {
  const frequencies = Array.from({ length: tableCount(contexts) }, (_, context) =>
    normaliseCounts(counts.subarray(context * SYMBOLS, (context + 1) * SYMBOLS)),
  );
  return { layout, contexts, frequencies };
}

/** Grids with whole and partial groups, whole and partial blocks of sixteen; few symbols, many, one, or noise. */
function anySymbols(): fc.Arbitrary<{ grid: Grid; symbols: Uint8Array }> {
  const layout = fc.constantFrom<Layout>('planar', 'interleaved');
  const planes = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(16, 32));
  const shape = fc.record({
    layout,
    planes,
    rows: fc.integer({ min: 0, max: 5 }),
    columns: fc.integer({ min: 1, max: 21 }),
  });
  const mask = fc.constantFrom(0, 1, 3, 15, 255);
  return fc.tuple(shape, mask, fc.nat(), fc.boolean()).map(([grid, bits, seed, isSmooth]) => {
    let state = seed | 1;
    const symbols = Uint8Array.from({ length: grid.planes * grid.rows * grid.columns }, (_, index) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
      return ((state >>> 16) & bits) + (isSmooth ? index / 3 : 0);
    });
    return { grid, symbols };
  });
}

function anyContexts(): fc.Arbitrary<Contexts> {
  const byThresholds = fc.record({
    model: fc.constantFrom('level', 'difference'),
    thresholds: ascending(7),
  });
  const byCells = fc.record({
    model: fc.constantFrom('graded', 'median'),
    cells: ascending(MAX_ROWS - 1).chain((steps) => {
      const length = ROW_CELLS * (steps.length + 1);
      return fc
        .uint8Array({ minLength: length, maxLength: length, max: MAX_TABLES - 1 })
        .map((tables) => ({ steps, tables }));
    }),
  });
  return fc.oneof(byThresholds, byCells, byEnergy());
}

/** Of one channel, of as many as there are planes or not, and with classes that no channel has. */
function byEnergy(): fc.Arbitrary<Contexts> {
  const classes = fc.uint8Array({ minLength: 1, maxLength: 40, max: MAX_CLASSES - 1 });
  return fc.tuple(ascending(MAX_ENERGY_ROWS - 1), classes).chain(([steps, classes]) => {
    const length = ROW_CELLS * (steps.length + 1) * classCount({ classes });
    return fc
      .uint8Array({ minLength: length, maxLength: length, max: MAX_TABLES - 1 })
      .map((tables) => ({ model: 'energy' as const, energy: { steps, classes, tables } }));
  });
}

function ascending(maxLength: number): fc.Arbitrary<Uint8Array> {
  return fc
    .uniqueArray(fc.integer({ min: 1, max: 255 }), { maxLength })
    .map((list) => Uint8Array.from(list.toSorted((a, b) => a - b)));
}
