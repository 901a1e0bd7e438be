/**
 * The reference as context: symbols are put in the order of what the reference has at their places, so that those whose
 * reference is alike stand together, and the neighbours by which they are coded are of their own kind. It suits flat
 * maps after a ReLU, where a place that was zero behaves otherwise than one that was not.
 */
const SYMBOLS = 256;
const CLASSES = 8;
const LANES = 16;

/** The order: places of the tensor's symbols in the parted array. The same on both sides, as it follows the reference. */
function startsOf(reference: Uint8Array): { classOf: Uint8Array; starts: Uint32Array } {
  const counts = new Uint32Array(SYMBOLS);
  for (const symbol of reference) counts[symbol] = (counts[symbol] as number) + 1;
  const classOf = new Uint8Array(SYMBOLS);
  const sizes = new Uint32Array(CLASSES + 1);
  let before = 0;
  for (const [symbol, count] of counts.entries()) {
    const middle = before + count / 2;
    const own = Math.min(CLASSES - 1, Math.floor((middle * CLASSES) / Math.max(1, reference.length)));
    classOf[symbol] = own;
    sizes[own + 1] = (sizes[own + 1] as number) + count;
    before += count;
  }
  for (let index = 1; index <= CLASSES; index++) {
    sizes[index] = (sizes[index] as number) + (sizes[index - 1] as number);
  }
  return { classOf, starts: sizes };
}

/** Filled up with zeros to whole lanes. */
export function part(symbols: Uint8Array, reference: Uint8Array): Uint8Array {
  const { classOf, starts } = startsOf(reference);
  const parted = new Uint8Array(partedLength(symbols.length));
  for (let i = 0; i < symbols.length; i++) {
    const own = classOf[reference[i] as number] as number;
    const place = starts[own] as number;
    starts[own] = place + 1;
    parted[place] = symbols[i] as number;
  }
  return parted;
}

export function unpart(parted: Uint8Array, reference: Uint8Array): Uint8Array {
  const { classOf, starts } = startsOf(reference);
  const symbols = new Uint8Array(reference.length);
  for (let i = 0; i < symbols.length; i++) {
    const own = classOf[reference[i] as number] as number;
    const place = starts[own] as number;
    starts[own] = place + 1;
    symbols[i] = parted[place] as number;
  }
  return symbols;
}

/** Each lane has one stretch of the parted symbols, so that a symbol's left neighbour is the one before. */
export function partedDims(count: number): readonly number[] {
  return [1, LANES, 1, partedLength(count) / LANES];
}

function partedLength(count: number): number {
  return Math.ceil(count / LANES) * LANES;
}
