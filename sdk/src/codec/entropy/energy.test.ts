import { describe, expect, it } from 'vitest';
import { MAX_ENERGY_ROWS, ROW_CELLS } from './cells.ts';
import { channelClasses } from './channel-classes.ts';
import { type CoderTables, MAX_CHANNELS, readTables, writeTables } from './coder-tables.ts';
import { energyAt, guessErrors } from './errors.ts';
import { ESCAPE_SLOT, SYMBOLS } from './frequencies.ts';
import type { Grid } from './grid.ts';

describe('errors of guesses', () => {
  const grid: Grid = { layout: 'planar', planes: 1, rows: 3, columns: 4 };

  it('are how far each symbol is from the median of its neighbours', () => {
    expect([...guessErrors(Uint8Array.of(9, 9, 9, 9, 9, 12, 9, 9, 9, 9, 9, 9), grid)]).toEqual([
      ...[9, 0, 0, 0],
      ...[0, 3, 3, 0],
      ...[0, 3, 0, 0],
    ]);
  });

  it('count in full beside and above, by half around, and not beyond the edges', () => {
    const errors = Uint8Array.from({ length: 12 }, (_, index) => index + 1);
    const at = (position: number) => energyAt(errors, { grid, plane: 0, position });
    expect(at(0)).toBe(0);
    expect(at(1)).toBe(1);
    // Left 9, above 6; corners 5 and 7; two up 2, and nothing two to the left.
    expect(at(9)).toBe(9 + 6 + 6 + 1);
    expect(energyAt(errors.fill(200), { grid, plane: 0, position: 9 })).toBe(255);
  });
});

describe('classes of channels', () => {
  it('tell channels apart by their zeros, and are one where channels are few or not the same', () => {
    const grid: Grid = { layout: 'planar', planes: 8, rows: 2, columns: 4 };
    const symbols = Uint8Array.from({ length: 64 }, (_, index) => Number(index % 8 >= index >> 3));
    expect([...channelClasses([{ symbols, grid, channels: 8 }])]).toEqual([0, 0, 1, 1, 2, 2, 3, 3]);
    expect([...channelClasses([{ symbols, grid }])]).toEqual([0]);
    const other = { symbols, grid, channels: 4 };
    expect([...channelClasses([{ symbols, grid, channels: 8 }, other])]).toEqual([0]);
  });
});

describe('tables by energy', () => {
  const table = new Uint16Array(SYMBOLS);
  table[3] = ESCAPE_SLOT;
  const classes = Uint8Array.of(0, 1, 2, 3, 1);
  const cells = new Uint8Array(ROW_CELLS * 3 * 4).map((_, cell) => cell % 2);
  const tables: CoderTables = {
    layout: 'planar',
    contexts: { model: 'energy', energy: { steps: Uint8Array.of(4, 9), classes, tables: cells } },
    frequencies: [table, table],
  };
  const bytes = writeTables(tables);

  it('come back from their bytes', () => {
    expect(readTables(bytes)).toEqual({ tables, length: bytes.length });
  });

  it('are refused with other flags beside, too many rows or channels, or cells that name other tables', () => {
    const changed = (at: number, value: number) => () => readTables(bytes.with(at, value));
    const invalid = (text: string) =>
      expect.objectContaining({ code: 'codec-invalid', message: expect.stringContaining(text) });
    expect(changed(0, 8 | 4)).toThrow(invalid('flags 12'));
    expect(changed(1, 17)).toThrow(invalid('17 tables'));
    expect(changed(2, MAX_ENERGY_ROWS)).toThrow(invalid('9 rows'));
    expect(changed(6, 1 + (MAX_CHANNELS >> 8))).toThrow(invalid('channels'));
    expect(changed(5, 0)).toThrow(invalid('0 channels'));
    expect(changed(9, 2)).toThrow(invalid('cells for 3 tables, not 2'));
  });
});
