/** Machines of a plan on ranks: for a model whose weights one accelerator has no room for, and only then. */
import type { Cut } from '../cut/cut.ts';
import { fewestRanks, type RankMemory } from '../parallel/rank-memory.ts';
import { segmentCollectives } from '../parallel/segment-collectives.ts';
import { weightBytes } from '../parallel/wanted-weights.ts';
import type { Machine } from '../planner/machines.ts';
import type { ProfiledMachine } from '../planner/place-machines.ts';
import { ASSUMED_COLLECTIVES, profileOnRanks } from '../planner/ranked-machine.ts';
import type { SplitModel } from '../session/open-model.ts';

export interface RankableMachine
  extends ProfiledMachine,
    Pick<Machine, 'accelerators' | 'collectiveMs' | 'collectiveGbps'> {}

export interface OnRanks<M> {
  /** Slower than on one accelerator, with room for what all of them hold. */
  readonly machine: M;
  /** For people who read the plan. */
  readonly note: string;
}

/** Undefined where one accelerator holds all weights, or all that the machine has do not. */
export function machineOnRanks<M extends RankableMachine>(
  machine: M,
  { model, cuts }: { readonly model: SplitModel; readonly cuts: readonly Cut[] },
): OnRanks<M> | undefined {
  const { memoryBytes, accelerators = 1, isBarred, name } = machine;
  if (memoryBytes === undefined || accelerators < 2 || isBarred) return undefined;
  const held = fewestRanks(model, { cuts, memoryBytes });
  if (!held || held.ranks > accelerators) return undefined;
  const { ranks, bytes } = held;
  const segments = segmentCollectives({ model, cuts, ranks });
  const { collectiveMs = ASSUMED_COLLECTIVES.collectiveMs, collectiveGbps } = machine;
  const bytesPerMs =
    collectiveGbps === undefined ? ASSUMED_COLLECTIVES.bytesPerMs : collectiveGbps * BYTES_PER_MS_AND_GBPS;
  const cost = { collectiveMs, bytesPerMs };
  const profile = profileOnRanks(machine.profile, { ranks, cuts: cuts.map(({ id }) => id), segments, cost });
  const total = weightBytes(model.graph);
  const addedMs = profile.whole.medianMs - machine.profile.whole.medianMs;
  const count = segments.reduce((sum, one) => sum + one.count, 0);
  return {
    machine: { ...machine, profile, memoryBytes: memoryBytes * (total / bytes) },
    note: `${name} runs it on ${ranks} ranks ("ranks": ${ranks} in the model's cutpoint.json), as no accelerator of ${megabytes(memoryBytes)} holds its stage: ${megabytes(bytes)} of weights each. For that ${addedMs.toFixed(1)} ms are added for ${count} collectives of the whole model, ${sourceOf(machine)}.`,
  };
}

/** For a machine on which nothing can be placed for want of memory. */
export function ranksNeeded(
  { name, memoryBytes, accelerators = 1 }: RankableMachine,
  { model, cuts }: { readonly model: SplitModel; readonly cuts: readonly Cut[] },
): string | undefined {
  if (memoryBytes === undefined) return undefined;
  const held: RankMemory | undefined = fewestRanks(model, { cuts, memoryBytes });
  if (!held) return undefined;
  return `${name}: all weights would take ${held.ranks} ranks, and it has ${accelerators === 1 ? 'one accelerator' : `${accelerators} accelerators`}`;
}

function sourceOf({ collectiveMs, collectiveGbps }: RankableMachine): string {
  if (collectiveMs !== undefined && collectiveGbps !== undefined)
    return 'as the machines file says they cost';
  return 'as they cost on two H100s of one host (assumed)';
}

const BYTES_PER_MS_AND_GBPS = 1e9 / 8 / 1e3;

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
