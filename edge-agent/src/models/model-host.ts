/**
 * A model that applications ask for, whichever version is behind it at the moment. A version that goes is released when
 * its last run has ended, so no run is lost to an update.
 */
import { asSplitError, type ErrorCode, SplitError } from '@cutpoint/sdk';
import type { SplitSession } from '@cutpoint/sdk/node';
import type { InstalledModel } from './model-store.ts';

export interface LoadedModel {
  readonly session: SplitSession;
  readonly installed: InstalledModel;
}

export interface ModelHost {
  readonly name: string;
  /** `undefined` until a first version is here. */
  readonly current: LoadedModel | undefined;
  /** Runs that a version could not do, though the request was right. */
  readonly runtimeFailures: number;
  /** Does work with the version of this moment. @throws SplitError `gateway-unavailable` while none is here */
  use<T>(work: (loaded: LoadedModel) => Promise<T>): Promise<T>;
  /** From now on `next` is used; resolves when the version before has ended its runs and is released. */
  replace(next: LoadedModel): Promise<void>;
  /**
   * While set, a run that the version itself cannot do ends here: when the guard has put another version in its place,
   * the run is done again.
   */
  guard: ((failed: LoadedModel, error: SplitError) => Promise<boolean>) | undefined;
  close(): Promise<void>;
}

/** The model's own fault, not the caller's, the cloud's or the moment's. */
const MODEL_FAULTS: ReadonlySet<ErrorCode> = new Set(['runtime-failed', 'internal', 'model-invalid']);

interface InUse {
  readonly loaded: LoadedModel;
  runs: number;
  onIdle?: () => void;
}

/** @param onUse hears which version is used from now on, before its first run */
export function createModelHost(name: string, onUse?: (next: InstalledModel) => void): ModelHost {
  let current: InUse | undefined;
  let runtimeFailures = 0;

  async function use<T>(work: (loaded: LoadedModel) => Promise<T>): Promise<T> {
    const own = current;
    if (own === undefined)
      throw new SplitError('gateway-unavailable', `no version of model '${name}' is on this device yet`);
    try {
      return await counted(own, work);
    } catch (error) {
      const failure = asSplitError(error);
      if (!MODEL_FAULTS.has(failure.code)) throw error;
      runtimeFailures += 1;
      if (!host.guard || !(await host.guard(own.loaded, failure))) throw error;
      return await use(work);
    }
  }

  async function replace(next: LoadedModel | undefined): Promise<void> {
    const before = current;
    current = next && { loaded: next, runs: 0 };
    if (next) onUse?.(next.installed);
    if (before === undefined || before.loaded.session === next?.session) return;
    if (before.runs > 0)
      await new Promise<void>((resolve) => {
        before.onIdle = resolve;
      });
    await before.loaded.session.release();
  }

  const host: ModelHost = {
    name,
    get current() {
      return current?.loaded;
    },
    get runtimeFailures() {
      return runtimeFailures;
    },
    use,
    replace,
    guard: undefined,
    close: () => {
      const session = current?.loaded.session;
      current = undefined;
      return session?.release() ?? Promise.resolve();
    },
  };
  return host;
}

async function counted<T>(own: InUse, work: (loaded: LoadedModel) => Promise<T>): Promise<T> {
  own.runs += 1;
  try {
    return await work(own.loaded);
  } finally {
    own.runs -= 1;
    if (own.runs === 0) own.onIdle?.();
  }
}
