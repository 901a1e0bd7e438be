import { beforeAll, describe, expect, it } from 'vitest';
import { calibrateTables } from '../codec/calibrate-tables.ts';
import type { CalibratedTables } from '../codec/entropy/calibrated-tables.ts';
import { tablesOf, tablesText } from './calibration-tables.ts';

let tables: CalibratedTables;

beforeAll(async () => {
  const data = Float32Array.from({ length: 4096 }, (_, place) => Math.max(0, Math.sin(place / 9)));
  tables = await calibrateTables([{ type: 'float32', dims: [1, 16, 16, 16], data }], 'uint8+context');
});

describe('tables of a file', () => {
  it('come back as they were, by their number', () => {
    expect(tablesOf({ tables: { [tables.id]: tablesText(tables) } })).toEqual(new Map([[tables.id, tables]]));
  });

  it('are refused under another number, cut short, or damaged', () => {
    const text = tablesText(tables);
    const refusals: [Record<string, string>, string][] = [
      [{ '7': text }, `tables.7: its bytes have the checksum ${tables.id}`],
      [{ [tables.id]: text.slice(0, 8) }, `tables.${tables.id}: `],
      [{ [tables.id]: '!' }, `tables.${tables.id}: `],
      [{ [tables.id]: tablesText({ ...tables, bytes: tables.bytes.map((byte) => byte ^ 1) }) }, 'tables.'],
    ];
    for (const [wrong, message] of refusals) {
      expect(() => tablesOf({ tables: wrong })).toThrow(
        expect.objectContaining({ code: 'options-invalid', message: expect.stringContaining(message) }),
      );
    }
  });
});
