/** Which cells share a table: those whose symbols come alike, found by turns of counting and choosing (Lloyd's algorithm). */
import { SYMBOLS } from './frequencies.ts';

const TURNS = 12;
/** What is added to each count, so that no symbol is thought impossible. */
const UNSEEN = 0.05;

/**
 * The table of each cell; all from 0 to the greatest are used.
 * @param counts of each cell, 256 a cell
 */
export function clusterCells(counts: Uint32Array, maxTables: number): Uint8Array {
  const cells = Array.from({ length: counts.length / SYMBOLS }, (_, cell) =>
    seenSymbols(counts.subarray(cell * SYMBOLS, (cell + 1) * SYMBOLS)),
  );
  let tables = firstTables(cells, maxTables);
  for (let turn = 0; turn < TURNS; turn++) {
    const bits = symbolBits(cells, tables, maxTables);
    const next = chooseTables(cells, bits, maxTables);
    if (next.every((table, cell) => table === tables[cell])) break;
    tables = next;
  }
  return renumber(tables, cells);
}

interface Cell {
  /** Symbol and count in turn; most cells see few symbols. */
  readonly seen: Float64Array;
  readonly total: number;
  /** Mean bits of a symbol by the cell's own counts. */
  readonly entropy: number;
}

function seenSymbols(counts: Uint32Array): Cell {
  const seen: number[] = [];
  let total = 0;
  for (const [symbol, count] of counts.entries()) {
    if (count > 0) seen.push(symbol, count);
    total += count;
  }
  let bits = 0;
  for (let i = 1; i < seen.length; i += 2)
    bits -= (seen[i] as number) * Math.log2((seen[i] as number) / total);
  return { seen: Float64Array.from(seen), total, entropy: total === 0 ? 0 : bits / total };
}

/** Parts of about the same number of symbols, by ascending entropy. */
function firstTables(cells: readonly Cell[], maxTables: number): Uint8Array {
  const tables = new Uint8Array(cells.length);
  const all = cells.reduce((sum, { total }) => sum + total, 0);
  let before = 0;
  for (const [index, { total }] of [...cells.entries()].toSorted(([, a], [, b]) => a.entropy - b.entropy)) {
    tables[index] = Math.min(
      maxTables - 1,
      Math.floor(((before + total / 2) / Math.max(1, all)) * maxTables),
    );
    before += total;
  }
  return tables;
}

/** Bits of each symbol in each table, as the cells that now share it have them. */
function symbolBits(cells: readonly Cell[], tables: Uint8Array, maxTables: number): Float64Array {
  const sums = new Float64Array(maxTables * SYMBOLS).fill(UNSEEN);
  const totals = new Float64Array(maxTables).fill(UNSEEN * SYMBOLS);
  for (const [index, { seen, total }] of cells.entries()) {
    const table = tables[index] as number;
    for (let i = 0; i < seen.length; i += 2) {
      const place = table * SYMBOLS + (seen[i] as number);
      sums[place] = (sums[place] as number) + (seen[i + 1] as number);
    }
    totals[table] = (totals[table] as number) + total;
  }
  return sums.map((sum, place) => -Math.log2(sum / (totals[Math.floor(place / SYMBOLS)] as number)));
}

/** The cheapest table for each cell; one that nobody wants goes to the cell that fits its own the worst. */
function chooseTables(cells: readonly Cell[], bits: Float64Array, maxTables: number): Uint8Array {
  const choices = cells.map((cell) => cheapestTable(cell, bits, maxTables));
  const tables = Uint8Array.from(choices, ({ table }) => table);
  const worstFirst = choices
    .map(({ bits: taken }, index) => ({
      index,
      waste: taken - (cells[index]?.entropy ?? 0) * (cells[index]?.total ?? 0),
    }))
    .toSorted((a, b) => b.waste - a.waste);
  const unused = Array.from({ length: maxTables }, (_, table) => table).filter(
    (table) => !tables.includes(table),
  );
  for (const [place, table] of unused.entries()) {
    const worst = worstFirst[place];
    if (worst !== undefined && worst.waste > 0) tables[worst.index] = table;
  }
  return tables;
}

function cheapestTable(
  { seen }: Cell,
  bits: Float64Array,
  maxTables: number,
): { readonly table: number; readonly bits: number } {
  let best = { table: 0, bits: Number.POSITIVE_INFINITY };
  for (let table = 0; table < maxTables; table++) {
    let sum = 0;
    for (let i = 0; i < seen.length; i += 2) {
      sum += (seen[i + 1] as number) * (bits[table * SYMBOLS + (seen[i] as number)] as number);
    }
    if (sum < best.bits) best = { table, bits: sum };
  }
  return best;
}

/** Numbers without gaps. A cell that was never seen takes the table of the cell before it. */
function renumber(tables: Uint8Array, cells: readonly Cell[]): Uint8Array {
  const numbers = new Map<number, number>();
  const renumbered = new Uint8Array(tables.length);
  for (const [cell, table] of tables.entries()) {
    const isSeen = (cells[cell]?.total ?? 0) > 0;
    if (isSeen && !numbers.has(table)) numbers.set(table, numbers.size);
    renumbered[cell] = isSeen ? (numbers.get(table) ?? 0) : (renumbered[cell - 1] ?? 0);
  }
  return renumbered;
}
