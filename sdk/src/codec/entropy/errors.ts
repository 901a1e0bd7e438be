/** How wrong the guesses were round about: what the model `energy` looks at. */
import type { Grid } from './grid.ts';
import { planePlaces } from './grid.ts';
import { neighboursOf, type Place, predictionOf } from './neighbours.ts';

/** Of each symbol, in the symbols' order: how far its guess was from it. */
export type GuessErrors = Uint8Array;

export function errorOf(symbol: number, guess: number): number {
  return Math.abs(symbol - guess);
}

export function guessErrors(symbols: Uint8Array, grid: Grid): GuessErrors {
  const errors = new Uint8Array(symbols.length);
  const positions = grid.rows * grid.columns;
  for (let plane = 0; plane < grid.planes; plane++) {
    const { first, step } = planePlaces(grid, plane);
    for (let position = 0; position < positions; position++) {
      const guess = predictionOf(neighboursOf(symbols, { grid, plane, position }), 'energy');
      const index = first + position * step;
      errors[index] = errorOf(symbols[index] as number, guess);
    }
  }
  return errors;
}

/**
 * Left and above in full, the four around them by half, 255 at most. Errors that are not there count as 0. Only those of
 * symbols before it are looked at.
 */
export function energyAt(errors: GuessErrors, { grid, plane, position }: Place): number {
  const { first, step } = planePlaces(grid, plane);
  const { columns } = grid;
  const [row, column] = [Math.floor(position / columns), position % columns];
  const at = (up: number, left: number) => {
    const isThere = row >= up && column >= left && column - left < columns;
    return isThere ? (errors[first + (position - up * columns - left) * step] as number) : 0;
  };
  const near = at(0, 1) + at(1, 0);
  const diagonal = (at(1, 1) + at(1, -1) + 1) >> 1;
  const far = (at(0, 2) + at(2, 0) + 1) >> 1;
  return Math.min(255, near + diagonal + far);
}
