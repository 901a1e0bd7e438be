/** Which channels are of one kind: where symbols come alike, the same tables suit them. */
import { MAX_CLASSES } from './cells.ts';
import { MAX_CHANNELS } from './coder-tables.ts';
import type { GridSymbols } from './fit-tables.ts';
import { planePlaces } from './grid.ts';

/** Zeros weigh this much against differences between neighbours: only among channels without zeros these decide. */
const ZERO_WEIGHT = 1000;

/** The class of each channel: by how many zeros it has, four parts of the same size. One class where channels are not the same. */
export function channelClasses(tensors: readonly GridSymbols[]): Uint8Array {
  const channels = tensors[0]?.channels ?? 1;
  const isSame = tensors.every((tensor) => tensor.channels === channels);
  if (!isSame || channels < MAX_CLASSES || channels > MAX_CHANNELS) return new Uint8Array(1);
  const marks = new Float64Array(channels);
  for (const tensor of tensors) addMarks(tensor, marks);
  const classes = new Uint8Array(channels);
  const ascending = [...marks.keys()].toSorted((a, b) => (marks[a] as number) - (marks[b] as number));
  for (const [rank, channel] of ascending.entries())
    classes[channel] = Math.floor((rank * MAX_CLASSES) / channels);
  return classes;
}

function addMarks({ symbols, grid }: GridSymbols, marks: Float64Array): void {
  const positions = grid.rows * grid.columns;
  for (let plane = 0; plane < grid.planes; plane++) {
    const { first, step } = planePlaces(grid, plane);
    let [mark, before] = [0, symbols[first] as number];
    for (let index = first, left = positions; left > 0; left--, index += step) {
      const symbol = symbols[index] as number;
      mark += Math.abs(symbol - before) + (symbol === 0 ? ZERO_WEIGHT : 0);
      before = symbol;
    }
    const channel = plane % marks.length;
    marks[channel] = (marks[channel] as number) + mark / Math.max(1, positions);
  }
}
