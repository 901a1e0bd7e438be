/**
 * The difference to the reference as a small whole number: 0 for the same symbol, then by turns one above and one below,
 * and, where one side ends, the rest of the other. For each reference that is a one-to-one map of all symbols.
 */

export interface Fold {
  /** `result[256 * reference + symbol]`: its number. */
  readonly numberOf: Uint8Array;
  /** `result[256 * reference + number]`: its symbol. */
  readonly symbolOf: Uint8Array;
}

/** @param maxSymbol 15 or 255 */
export function makeFold(maxSymbol: number): Fold {
  const numberOf = new Uint8Array(65_536);
  const symbolOf = new Uint8Array(65_536);
  for (let reference = 0; reference <= maxSymbol; reference++) {
    for (let symbol = 0; symbol <= maxSymbol; symbol++) {
      const number = numberFor(symbol - reference, Math.min(reference, maxSymbol - reference));
      numberOf[256 * reference + symbol] = number;
      symbolOf[256 * reference + number] = symbol;
    }
  }
  return { numberOf, symbolOf };
}

/** @param reach symbols that there are on the shorter side */
function numberFor(difference: number, reach: number): number {
  const size = Math.abs(difference);
  if (size > reach) return size + reach;
  return difference > 0 ? 2 * size - 1 : 2 * size;
}

/** Looks up each symbol beside its reference. Both of one length. */
export function mapBeside(symbols: Uint8Array, reference: Uint8Array, table: Uint8Array): Uint8Array {
  const mapped = new Uint8Array(symbols.length);
  for (let i = 0; i < symbols.length; i++) {
    mapped[i] = table[((reference[i] as number) << 8) | (symbols[i] as number)] as number;
  }
  return mapped;
}
