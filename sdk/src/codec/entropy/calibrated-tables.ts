/** Coder tables made beforehand, for one tensor of one cut in one number format: shipped once, named by number in frames. */
import { SplitError } from '../../errors.ts';
import type { CoderTables } from './coder-tables.ts';
import { readTables, writeTables } from './coder-tables.ts';

export interface CalibratedTables {
  /** A checksum of the bytes, 32 bits: both sides have the same tables or do not know the number. */
  readonly id: number;
  /** What a plan carries. */
  readonly bytes: Uint8Array;
  readonly tables: CoderTables;
}

export function nameTables(tables: CoderTables): CalibratedTables {
  const bytes = writeTables(tables);
  return { id: checksum(bytes), bytes, tables };
}

/** @throws SplitError `codec-invalid` for bytes that are not those of tables, whole */
export function readCalibratedTables(bytes: Uint8Array): CalibratedTables {
  const { tables, length } = readTables(bytes);
  if (length === bytes.length) return { id: checksum(bytes), bytes: bytes.slice(), tables };
  throw new SplitError('codec-invalid', `tables of ${length} bytes in ${bytes.length}`);
}

/** FNV-1a. */
function checksum(bytes: Uint8Array): number {
  let hash = 0x811c_9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x0100_0193);
  return hash >>> 0;
}
