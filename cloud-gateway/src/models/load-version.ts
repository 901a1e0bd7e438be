/** Loading one version: from a folder on disk, verified where keys are trusted, to a model that serves. */

import { type BundleCounters, openBundle, type TrustedKey, verifyParts } from '@cutpoint/sdk/bundle';
import { fileSource, INPUT_END, OUTPUTS_END, SplitError } from '@cutpoint/sdk/gateway';
import type { Log } from '../log.ts';
import type { PolicyDesk } from '../policy/desk.ts';
import { readPolicyFile } from '../policy/model-policy.ts';
import type { LaneExecutor } from '../serving/lane.ts';
import type { ModelFolder } from './folder.ts';
import type { MemoryLedger } from './memory-ledger.ts';
import type { RankedLoad } from './open-on-ranks.ts';
import { prepareModel } from './prepare-model.ts';
import type { ServedModel } from './served-model.ts';
import { type ModelSettings, readModelSettings } from './settings.ts';
import { readModelTables } from './tables.ts';

export interface LoadOptions {
  readonly executors: readonly LaneExecutor[];
  readonly maxCuts: number;
  readonly maxBatch: number;
  /** Requests run on the executors meanwhile. @default false */
  readonly isServing?: boolean;
  readonly log: Log;
  /** Decides by the policy beside a model. */
  readonly desk?: PolicyDesk | undefined;
  /** For models that are parted over ranks. @default they are refused */
  readonly ranks?: Omit<RankedLoad, 'count'> | undefined;
  /** What the executors hold, and may hold, of the weights of all models. @default not checked */
  readonly memory?: MemoryLedger | undefined;
  /** With keys, what is not a bundle signed by one of them is not loaded. */
  readonly trust?: { readonly keys: readonly TrustedKey[]; readonly counters: BundleCounters } | undefined;
}

/**
 * @param isNewest of its model: an older version may be behind the counter, which the newest raised
 * @throws SplitError `bundle-invalid`, `signature-invalid`, `bundle-outdated`, `model-invalid`, `options-invalid`,
 * `runtime-failed`, `placement-denied`, `provider-unavailable`, `storage-failed`
 */
export async function loadVersion(
  folder: ModelFolder,
  o: LoadOptions,
  isNewest: boolean,
): Promise<ServedModel> {
  await checkBundle(folder, o, isNewest);
  const policy = await readPolicyFile(folder.policyPath);
  if (policy) o.desk?.checkModel(folder, policy);
  const settings = await readModelSettings(folder.settingsPath);
  const prepared = await prepareModel({
    ...o,
    name: folder.name,
    version: folder.version,
    source: fileSource(folder.modelPath),
    policy,
    inputShapes: settings.inputs,
    alsoCuts: [...settings.cuts, ...endsOf(settings)],
    range: settings.range,
    ranks: rankedLoad(folder.name, settings, o),
  });
  const model = { ...prepared, tables: await readModelTables(folder, prepared.digest, o.log) };
  const { cuts, inputTailMs } = model.announcement;
  const { name, version, digest, batching, batchCost } = model;
  o.log.info(
    {
      ...{ model: name, version, digest, cuts: cuts.length, inputTailMs, tables: model.tables.size },
      ...{ batching, mostUsefulBatch: batchCost.mostUseful, ranks: model.ranks },
    },
    'model is ready',
  );
  return model;
}

function rankedLoad(
  name: string,
  { ranks: count }: ModelSettings,
  { ranks }: LoadOptions,
): RankedLoad | undefined {
  if (count === undefined) return undefined;
  if (ranks) return { ...ranks, count };
  throw new SplitError(
    'options-invalid',
    `the cutpoint.json of model '${name}' says ranks, and there are none here`,
  );
}

/** Cuts at which the range of the model begins and ends: they are offered whatever else is. */
function endsOf({ range }: ModelSettings): readonly string[] {
  return [range?.from, range?.to].filter(
    (id): id is string => id !== undefined && id !== INPUT_END && id !== OUTPUTS_END,
  );
}

/** Nothing of an unverified folder is read, but for the manifest and its signatures. */
async function checkBundle(
  { name, version, directory }: ModelFolder,
  { trust }: LoadOptions,
  isNewest: boolean,
) {
  if (trust === undefined) return;
  const { keys: trustedKeys, counters } = trust;
  // The version before the newest one is kept for devices that still have it, which are no attackers.
  const leastCounter = isNewest ? counters.get(name) : 0;
  const bundle = await openBundle(directory, { trustedKeys, leastCounter });
  const { manifest } = bundle;
  if (manifest.model !== name || manifest.version !== version) {
    const theirs = `${manifest.model} ${manifest.version}`;
    throw new SplitError(
      'bundle-invalid',
      `the bundle of ${theirs} lies in the folder of ${name} ${version}`,
    );
  }
  await verifyParts(bundle);
  await counters.raise(name, manifest.counter);
}
