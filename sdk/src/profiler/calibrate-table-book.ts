/** The tables that a calibration has made so far, by their numbers. */
import type { CalibratedTables } from '../codec/entropy/calibrated-tables.ts';
import type { CalibratedArm, Calibration } from '../planner/calibration.ts';
import { tablesText } from '../planner/calibration-tables.ts';

export interface TableBook {
  /** Nothing, and no change, where other tables already have that number: a frame could not say which. */
  add(tables: CalibratedTables): CalibratedTables | undefined;
  find(id: number): CalibratedTables | undefined;
  /** As the file holds them: those that some arm uses. */
  usedBy(arms: readonly CalibratedArm[]): Calibration['tables'];
}

export function createTableBook(): TableBook {
  const known = new Map<number, CalibratedTables>();
  return {
    add: (tables) => {
      const other = known.get(tables.id);
      if (other && !isSame(other.bytes, tables.bytes)) return undefined;
      known.set(tables.id, tables);
      return tables;
    },
    find: (id) => known.get(id),
    usedBy: (arms) => {
      const used = new Set(arms.flatMap((arm) => Object.values(arm.tables)));
      const kept = [...known.values()].filter(({ id }) => used.has(String(id)));
      return Object.fromEntries(kept.map((tables) => [String(tables.id), tablesText(tables)]));
    },
  };
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, place) => byte === b[place]);
}
