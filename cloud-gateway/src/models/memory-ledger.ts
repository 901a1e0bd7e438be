/** What the executors hold of the weights of all models that are loaded on them, so that one too many is refused before it is loaded. */
import { type Executor, type Runtime, SplitError } from '@cutpoint/sdk/gateway';

/** Where weights lie: an executor, or a rank's process. */
export interface MemoryPlace {
  /** For people. */
  readonly name: string;
  readonly runtime: Runtime;
}

export interface HeldWeights {
  readonly name: string;
  readonly version: string;
  readonly bytes: number;
}

export interface MemoryLedger {
  /** What each place may hold, in bytes. */
  readonly limitBytes: number;
  /** @throws SplitError `options-invalid` where the place has no room left for it, with what it holds */
  check(weights: HeldWeights, place: MemoryPlace): void;
  /** They count until the executor that is returned is closed. */
  hold<Held extends Executor>(executor: Held, weights: readonly PlacedWeights[]): Held;
}

export interface PlacedWeights extends HeldWeights {
  readonly runtime: Runtime;
}

export function createMemoryLedger(limitBytes: number): MemoryLedger {
  const held = new Map<Runtime, readonly HeldWeights[]>();
  const on = (runtime: Runtime) => held.get(runtime) ?? [];

  function giveBack(weights: readonly PlacedWeights[]): void {
    for (const one of weights) {
      const left = on(one.runtime).filter((other) => other !== one);
      // Processes of ranks come and go.
      if (left.length > 0) held.set(one.runtime, left);
      else held.delete(one.runtime);
    }
  }

  return {
    limitBytes,
    check(weights, { name, runtime }) {
      const others = on(runtime);
      const heldBytes = others.reduce((sum, { bytes }) => sum + bytes, 0);
      if (heldBytes + weights.bytes <= limitBytes) return;
      throw new SplitError('options-invalid', fullText(weights, { name, others, heldBytes, limitBytes }));
    },
    hold(executor, weights) {
      for (const one of weights) held.set(one.runtime, [...on(one.runtime), one]);
      let closing: Promise<void> | undefined;
      const close = () => {
        closing ??= executor.close().finally(() => giveBack(weights));
        return closing;
      };
      return { ...executor, close };
    },
  };
}

export function mebibytes(bytes: number): string {
  return `${(bytes / MEBIBYTE).toFixed(1)} MiB`;
}

const MEBIBYTE = 2 ** 20;

function fullText(
  { name, version, bytes }: HeldWeights,
  place: {
    readonly name: string;
    readonly others: readonly HeldWeights[];
    readonly heldBytes: number;
    readonly limitBytes: number;
  },
): string {
  const list = place.others.map((one) => `'${one.name}' ${one.version} with ${mebibytes(one.bytes)}`);
  const isUpdate = place.others.some((one) => one.name === name);
  const fewer = isUpdate ? 'keep fewer versions (keepVersions), ' : '';
  return `version ${version} of model '${name}' has ${mebibytes(bytes)} of weights for executor ${place.name}, which holds ${mebibytes(place.heldBytes)} (${list.join(', ')}) and may hold ${mebibytes(place.limitBytes)} in all; ${fewer}unload a model, or raise executorMemoryMb`;
}
