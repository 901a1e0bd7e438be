/** How often each symbol comes in each of sixteen contexts, and how many bits that makes. */
const SYMBOLS = 256;
const CONTEXTS = 16;

export interface Tally {
  /** @param context 0 to 15 */
  add(context: number, symbol: number): void;
  /** The entropy, and half a bit of logarithm for each symbol that was met: few samples look more regular than they are. */
  bits(): number;
}

export function createTally(): Tally {
  const counts = new Uint16Array(CONTEXTS * SYMBOLS);
  const totals = new Uint32Array(CONTEXTS);

  function bits(): number {
    let sum = 0;
    for (const total of totals) sum += total === 0 ? 0 : total * Math.log2(total);
    for (const count of counts) {
      if (count > 0) sum += Math.LOG2E / 2 - count * Math.log2(count);
    }
    return sum;
  }

  return {
    add(context, symbol) {
      const index = context * SYMBOLS + symbol;
      counts[index] = (counts[index] as number) + 1;
      totals[context] = (totals[context] as number) + 1;
    },
    bits,
  };
}
