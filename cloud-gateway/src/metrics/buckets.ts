/** Upper bounds of histograms, shared so that panels can be laid over each other. */

export const MS_PER_SECOND = 1000;
/** Seconds, from a tail of a small model to a deadline that nobody waits for. */
export const SECONDS: number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];
/** Requests in a batch. */
export const BATCH_SIZES: number[] = [1, 2, 4, 8, 16, 32, 64, 128];
/** Different cuts in a batch. */
export const BATCH_CUTS: number[] = [1, 2, 4, 8, 16];
