/** What the executors of a region's gateways hold: each of them the models of all classes that may come to it. */
import { SplitError } from '../errors.ts';
import type { Fleet, FleetClass } from './fleet-file.ts';
import type { ClassPlan } from './fleet-plans.ts';

/** Of one executor, in MiB. */
export interface GatewayMemory {
  /** The largest first. */
  readonly models: readonly ModelMemory[];
  readonly weightsMb: number;
  /** Of the largest batch of each model: a runtime keeps what it once took. */
  readonly activationsMb: number;
  /** All versions that are kept of every model, and a new one of the largest that is loaded beside them. */
  readonly updateMb: number;
  /** Weights and activations, of what the file says that there is; null where it does not. */
  readonly share: number | null;
  /** Of `updateMb`. */
  readonly updateShare: number | null;
}

export interface ModelMemory {
  readonly modelDigest: string;
  /** That use it. */
  readonly classes: readonly string[];
  readonly weightsMb: number;
  /** Null where neither file nor plan says: they are not counted. */
  readonly activationsMb: number | null;
}

const MEBIBYTE = 2 ** 20;

/**
 * @returns undefined where of some model nobody said how large it is, and the fleet's file says no memory
 * @throws SplitError `options-invalid` where it does
 */
export function memoryOf(
  fleet: Fleet,
  classes: readonly ClassPlan[],
  region: string,
): GatewayMemory | undefined {
  const { executorMemoryMb, keepVersions } = fleet.gateway;
  const models = modelsIn(fleet, classes, region);
  if (models === undefined) return undefined;
  const weightsMb = models.reduce((sum, one) => sum + one.weightsMb, 0);
  const activationsMb = models.reduce((sum, one) => sum + (one.activationsMb ?? 0), 0);
  const updateMb = keepVersions * (weightsMb + activationsMb) + Math.max(0, ...models.map(heldMb));
  const shareOf = (mebibytes: number) =>
    executorMemoryMb === undefined ? null : mebibytes / executorMemoryMb;
  return {
    ...{ models, weightsMb, activationsMb, updateMb },
    share: shareOf(weightsMb + activationsMb),
    updateShare: shareOf(updateMb),
  };
}

export function heldMb({ weightsMb, activationsMb }: ModelMemory): number {
  return weightsMb + (activationsMb ?? 0);
}

/** One for each model, however many classes use it; where they say different things, the most. */
function modelsIn(
  { regions, gateway }: Fleet,
  classes: readonly ClassPlan[],
  region: string,
): readonly ModelMemory[] | undefined {
  const reaching = new Set(
    regions.filter(({ name, mayUse }) => name === region || mayUse.includes(region)).map(({ name }) => name),
  );
  const batch = gateway.batching === 'none' ? 1 : gateway.maxBatch;
  const byDigest = new Map<string, ModelMemory>();
  for (const { about, plan, region: own } of classes) {
    if (!reaching.has(own)) continue;
    const { weightBytes, activationBytes = null } = plan.memory ?? {};
    const weightsMb = about.weightsMb ?? inMebibytes(weightBytes);
    if (weightsMb === undefined) {
      if (gateway.executorMemoryMb === undefined) return undefined;
      throw new SplitError('options-invalid', unknownText(about));
    }
    const oneMb = about.activationsMb ?? inMebibytes(activationBytes ?? undefined);
    const known = byDigest.get(plan.modelDigest);
    const activationsMb = oneMb === undefined ? (known?.activationsMb ?? null) : oneMb * batch;
    byDigest.set(plan.modelDigest, {
      modelDigest: plan.modelDigest,
      classes: [...(known?.classes ?? []), about.name],
      weightsMb: Math.max(weightsMb, known?.weightsMb ?? 0),
      activationsMb: activationsMb === null ? null : Math.max(activationsMb, known?.activationsMb ?? 0),
    });
  }
  return [...byDigest.values()].toSorted((a, b) => heldMb(b) - heldMb(a));
}

function inMebibytes(bytes: number | undefined): number | undefined {
  return bytes === undefined ? undefined : bytes / MEBIBYTE;
}

function unknownText({ name, plan }: FleetClass): string {
  return `fleet: the gateways say executorMemoryMb, and neither class '${name}' says weightsMb nor its plan ${plan} how large the model is: make the plan again, or give weightsMb`;
}
