/** Whether executors have room for the weights that they are to hold, beside those that they hold: said before it is tried. */
import {
  type Cut,
  fewestRanks,
  type RankMemory,
  SplitError,
  type SplitModel,
  weightBytes,
} from '@cutpoint/sdk/gateway';
import { type MemoryLedger, type MemoryPlace, mebibytes } from './memory-ledger.ts';

export interface MemoryOptions {
  readonly name: string;
  readonly version: string;
  readonly cuts: readonly Cut[];
  /** @default not checked */
  readonly memory?: MemoryLedger | undefined;
}

/** @throws SplitError `options-invalid`, with the ranks that it would take, or with what is in its way */
export function checkWholeFits(model: SplitModel, places: readonly MemoryPlace[], o: MemoryOptions): void {
  const { memory, name, version } = o;
  if (memory === undefined) return;
  const { limitBytes } = memory;
  const bytes = weightBytes(model.graph);
  if (bytes > limitBytes)
    throw new SplitError(
      'options-invalid',
      `model '${name}' has ${mebibytes(bytes)} of weights, and an executor may hold ${mebibytes(limitBytes)}; ${whatHelps(model, { ...o, limitBytes })}`,
    );
  for (const place of places) memory.check({ name, version, bytes }, place);
}

/**
 * @param places of each set of ranks
 * @throws SplitError `options-invalid` where no weight is parted, or a rank has too much, alone or with what it holds
 */
export function checkRanksFit(
  model: SplitModel,
  { places, parts }: { readonly places: readonly (readonly MemoryPlace[])[]; readonly parts: RankMemory },
  o: MemoryOptions,
): void {
  const { memory, name, version } = o;
  if (parts.bytes === parts.wholeBytes)
    throw new SplitError(
      'options-invalid',
      `no weight of model '${name}' can be parted: on ranks each would hold all ${mebibytes(parts.bytes)}; leave ranks out of its cutpoint.json`,
    );
  if (memory === undefined) return;
  const { limitBytes } = memory;
  if (parts.bytes > limitBytes) {
    const held = `${mebibytes(parts.bytes)} of the weights of model '${name}', ${mebibytes(parts.wholeBytes)} of which no rule parts`;
    throw new SplitError(
      'options-invalid',
      `of ${parts.ranks} ranks one would hold ${held}, and an executor may hold ${mebibytes(limitBytes)}; ${whatHelps(model, { ...o, limitBytes })}`,
    );
  }
  for (const set of places)
    for (const [rank, place] of set.entries())
      memory.check({ name, version, bytes: parts.eachBytes[rank] ?? 0 }, place);
}

function whatHelps(
  model: SplitModel,
  { cuts, limitBytes }: Pick<MemoryOptions, 'cuts'> & { readonly limitBytes: number },
): string {
  const fewest = fewestRanks(model, { cuts, memoryBytes: limitBytes });
  if (!fewest) return 'no number of ranks up to 64 makes it fit';
  return `{"ranks": ${fewest.ranks}} in its cutpoint.json does, with ${mebibytes(fewest.bytes)} on each`;
}
