/** Coder tables as plans and calibrations carry them: base64, by their numbers. */
import { type CalibratedTables, readCalibratedTables } from '../codec/entropy/calibrated-tables.ts';
import { asSplitError, SplitError } from '../errors.ts';
import type { Calibration } from './calibration.ts';

/** By the number that frames name them by. */
export type TablesById = ReadonlyMap<number, CalibratedTables>;

/**
 * The tables of a plan or a calibration, which both `readPlan` and `readCalibration` let through unread.
 * @throws SplitError `options-invalid` for bytes that are no tables, or whose checksum is not their number
 */
export function tablesOf({ tables }: Pick<Calibration, 'tables'>): TablesById {
  return new Map(Object.entries(tables).map(([id, text]) => [Number(id), readOne(id, text)]));
}

/** As they stand in the file. */
export function tablesText({ bytes }: CalibratedTables): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}

function readOne(id: string, text: string): CalibratedTables {
  const found = readBytes(id, text);
  if (String(found.id) === id) return found;
  throw new SplitError('options-invalid', `tables.${id}: its bytes have the checksum ${found.id}`);
}

function readBytes(id: string, text: string): CalibratedTables {
  try {
    return readCalibratedTables(Uint8Array.from(atob(text), (character) => character.charCodeAt(0)));
  } catch (cause) {
    throw new SplitError('options-invalid', `tables.${id}: ${asSplitError(cause).message}`, { cause });
  }
}
