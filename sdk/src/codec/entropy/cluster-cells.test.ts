import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cellOf, everyCell, MAX_CELLS, MAX_ROWS, ROW_CELLS } from './cells.ts';
import { clusterCells } from './cluster-cells.ts';
import type { CoderTables } from './coder-tables.ts';
import { readTables, writeTables } from './coder-tables.ts';
import { ESCAPE_SLOT, SYMBOLS } from './frequencies.ts';
import { MAX_TABLES } from './neighbours.ts';

describe('cells', () => {
  it('have a number each, within their rows, for any two values', () => {
    const steps = Uint8Array.of(3, 20, 90);
    const seen = new Set<number>();
    for (let first = 0; first < 256; first++)
      for (let second = 0; second < 256; second++) seen.add(cellOf([first, second], { steps }));
    expect([...seen].toSorted((a, b) => a - b)).toEqual([...everyCell(steps).tables]);
    expect(seen.size).toBe(MAX_CELLS);
  });

  it('share a table where their symbols come alike, and only there', () => {
    const counts = new Uint32Array(40 * SYMBOLS);
    for (let cell = 0; cell < 40; cell++)
      counts.fill(
        50 + cell,
        cell * SYMBOLS + (cell % 3) * 60,
        cell * SYMBOLS + (cell % 3) * 60 + 2 + 10 * (cell % 3),
      );
    const tables = clusterCells(counts, 3);
    for (const [cell, table] of tables.entries()) expect(table).toBe(tables[cell % 3]);
    expect(new Set(tables).size).toBe(3);
  });

  it('use all tables from 0 to the greatest, and no more than allowed', () => {
    const counts = fc.array(fc.tuple(fc.nat(31 * SYMBOLS - 1), fc.nat(500)), { maxLength: 200 });
    fc.assert(
      fc.property(counts, fc.integer({ min: 1, max: MAX_TABLES }), (pairs, maxTables) => {
        const all = new Uint32Array(31 * SYMBOLS);
        for (const [place, count] of pairs) all[place] = count;
        const tables = clusterCells(all, maxTables);
        const greatest = Math.max(...tables);
        expect(greatest).toBeLessThan(maxTables);
        expect(new Set(tables).size).toBe(greatest + 1);
      }),
    );
  });
});

describe('tables with cells', () => {
  const frequencies = [7, 9].map((symbol) => {
    const table = new Uint16Array(SYMBOLS);
    table[symbol] = ESCAPE_SLOT;
    return table;
  });
  const steps = Uint8Array.of(4, 9);
  const tables: CoderTables = {
    layout: 'planar',
    contexts: { model: 'median', cells: { steps, tables: everyCell(steps).tables.map((cell) => cell % 2) } },
    frequencies,
  };

  it('come back from their bytes', () => {
    const bytes = writeTables(tables);
    expect(readTables(bytes)).toEqual({ tables, length: bytes.length });
  });

  it('are refused with too many rows, steps that fall, or cells that name other tables than there are', () => {
    const bytes = writeTables(tables);
    const changed = (at: number, value: number) => {
      const copy = bytes.slice();
      copy[at] = value;
      return () => readTables(copy);
    };
    const invalid = (text: string) =>
      expect.objectContaining({ code: 'codec-invalid', message: expect.stringContaining(text) });
    expect(changed(1, MAX_TABLES + 1)).toThrow(invalid('17 tables'));
    expect(changed(2, MAX_ROWS)).toThrow(invalid('5 rows'));
    expect(changed(3, 9)).toThrow(invalid('do not ascend'));
    expect(changed(5 + ROW_CELLS, 2)).toThrow(invalid('cells for 3 tables, not 2'));
  });
});
