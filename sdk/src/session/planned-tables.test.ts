import { describe, expect, it } from 'vitest';
import type { Clock } from '../clock.ts';
import { calibrateTables } from '../codec/calibrate-tables.ts';
import { tablesText } from '../planner/calibration-tables.ts';
import type { Plan } from '../planner/plan-file.ts';
import { createPlannedTables } from './planned-tables.ts';
import type { FrameWay } from './reference-frames.ts';

const data = Float32Array.from({ length: 1024 }, (_, place) => Math.max(0, Math.sin(place / 7)));
const tables = await calibrateTables([{ type: 'float32', dims: [1, 16, 8, 8], data }], 'uint8+context');
const id = String(tables.id);
// Of a plan, tables are read from these two fields only.
const plan = {
  arms: [{ id: 'a/uint8+context', tables: { relu: id } }],
  tables: { [id]: tablesText(tables) },
} as unknown as Plan;
const way = (gateway: string, arm = 'a/uint8+context') => ({ gateway, arm: { id: arm } }) as FrameWay;

function clockAt(time: { nowMs: number }): Clock {
  return { nowMs: () => time.nowMs, sleep: () => Promise.resolve() } as unknown as Clock;
}

describe('tables of a plan', () => {
  it('belong to one arm and tensor, and to none without a plan', () => {
    const known = createPlannedTables(plan, clockAt({ nowMs: 0 }));
    expect(known.known(way('one'))).toEqual({ relu: tables });
    expect(known.known(way('one', 'b/uint8+context'))).toEqual({});
    expect(createPlannedTables(undefined, clockAt({ nowMs: 0 })).known(way('one'))).toEqual({});
  });

  it('are not named to a gateway that lacks them, for ten minutes, and are to others', () => {
    const time = { nowMs: 5 };
    const known = createPlannedTables(plan, clockAt(time));
    known.noteMissing('one');
    expect([known.known(way('one')), known.known(way('two'))]).toEqual([{}, { relu: tables }]);
    time.nowMs += 599_999;
    expect(known.known(way('one'))).toEqual({});
    time.nowMs += 1;
    expect(known.known(way('one'))).toEqual({ relu: tables });
  });

  it('are refused under a number that is not their checksum', () => {
    const wrong = { ...plan, tables: { 7: tablesText(tables) } } as unknown as Plan;
    expect(() => createPlannedTables(wrong, clockAt({ nowMs: 0 }))).toThrow(
      expect.objectContaining({ code: 'options-invalid' }),
    );
  });
});
