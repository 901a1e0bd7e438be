/** Which version a model starts with: the active one, or the best that opens. */
import { asSplitError, SplitError } from '@cutpoint/sdk';
import type { LoadedModel } from './model-host.ts';
import { type ModelStore, type OpenInstalled, reasonOf } from './model-store.ts';
import type { Place, UpdateOutcome } from './slots-file.ts';

export interface StartModelOptions {
  readonly store: ModelStore;
  readonly open: OpenInstalled;
  readonly now: () => number;
}

/** An unconfirmed version may take the agent down with it so often before the one before is used. */
const MAX_STARTS = 2;

/**
 * @returns `undefined` where no version is here yet
 * @throws SplitError why the last of all versions does not open
 */
export async function startModel({ store, open, now }: StartModelOptions): Promise<LoadedModel | undefined> {
  const { slots } = store;
  let failure: SplitError | undefined;
  if (!slots.isConfirmed) failure = await countStart(store);
  const wanted: Place[] = failure ? [slots.previous] : [slots.active, slots.previous];
  for (const place of new Set<Place>([...wanted, 'base', 'a', 'b'])) {
    try {
      const installed = await store.open(place);
      const loaded = { installed, session: await open(installed) };
      if (place !== slots.active) await noteWayBack(store, place, outcomeOf(store, failure, now()));
      return loaded;
    } catch (error) {
      failure ??= asSplitError(error);
    }
  }
  if (failure?.code === 'model-unknown') return undefined;
  throw failure ?? new SplitError('internal', 'no version was tried');
}

/** @returns why the active version is not tried again. A disk that cannot be written to keeps no count. */
async function countStart(store: ModelStore): Promise<SplitError | undefined> {
  const starts = store.slots.starts + 1;
  await store.change({ starts }).catch(() => undefined);
  if (starts <= MAX_STARTS) return undefined;
  return new SplitError('runtime-failed', `the agent ended ${starts - 1} times with the new version in use`);
}

async function noteWayBack(store: ModelStore, place: Place, outcome: UpdateOutcome): Promise<void> {
  // On a read-only disk it answers all the same, and goes the same way at the next start.
  await store.goBack(place, 'base', outcome).catch(() => undefined);
}

function outcomeOf(store: ModelStore, failure: SplitError | undefined, atMs: number): UpdateOutcome {
  const { last } = store.slots;
  return {
    outcome: 'rolled-back',
    step: 'start',
    version: last?.version ?? '?',
    counter: last?.counter ?? 0,
    ...(failure && { reason: reasonOf(failure) }),
    atMs,
  };
}
