/** Whether an executor has room for the weights that it is to hold, said before it is tried. */
import {
  type Cut,
  fewestRanks,
  type RankMemory,
  SplitError,
  type SplitModel,
  weightBytes,
} from '@cutpoint/sdk/gateway';

export interface MemoryOptions {
  readonly name: string;
  readonly cuts: readonly Cut[];
  /** @default not checked */
  readonly executorMemoryBytes?: number | undefined;
}

const MEBIBYTE = 2 ** 20;

/** @throws SplitError `options-invalid`, with the ranks that it would take */
export function checkWholeFits(model: SplitModel, o: MemoryOptions): void {
  const { executorMemoryBytes: memoryBytes, name } = o;
  const bytes = weightBytes(model.graph);
  if (memoryBytes === undefined || bytes <= memoryBytes) return;
  throw new SplitError(
    'options-invalid',
    `model '${name}' has ${mebibytes(bytes)} of weights, and an executor may hold ${mebibytes(memoryBytes)}; ${whatHelps(model, { ...o, memoryBytes })}`,
  );
}

/** @throws SplitError `options-invalid` where no weight is parted, or a rank has too much */
export function checkRanksFit(model: SplitModel, memory: RankMemory, o: MemoryOptions): void {
  const { executorMemoryBytes: memoryBytes, name } = o;
  if (memory.bytes === memory.wholeBytes)
    throw new SplitError(
      'options-invalid',
      `no weight of model '${name}' can be parted: on ranks each would hold all ${mebibytes(memory.bytes)}; leave ranks out of its cutpoint.json`,
    );
  if (memoryBytes === undefined || memory.bytes <= memoryBytes) return;
  const held = `${mebibytes(memory.bytes)} of the weights of model '${name}', ${mebibytes(memory.wholeBytes)} of which no rule parts`;
  throw new SplitError(
    'options-invalid',
    `of ${memory.ranks} ranks one would hold ${held}, and an executor may hold ${mebibytes(memoryBytes)}; ${whatHelps(model, { ...o, memoryBytes })}`,
  );
}

function whatHelps(
  model: SplitModel,
  { cuts, memoryBytes }: MemoryOptions & { memoryBytes: number },
): string {
  const fewest = fewestRanks(model, { cuts, memoryBytes });
  if (!fewest) return 'no number of ranks up to 64 makes it fit';
  return `{"ranks": ${fewest.ranks}} in its cutpoint.json does, with ${mebibytes(fewest.bytes)} on each`;
}

function mebibytes(bytes: number): string {
  return `${(bytes / MEBIBYTE).toFixed(1)} MiB`;
}
