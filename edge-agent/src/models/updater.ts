/**
 * Brings a model from one version to the next: fetch, wait for its hour, stage, trial, switch, probation. Whatever fails,
 * and wherever power is cut, a version that works stays in use or is gone back to.
 */
import { SplitError } from '@cutpoint/sdk';
import type { BundleCounters, TrustedKey } from '@cutpoint/sdk/bundle';
import type { SplitSession } from '@cutpoint/sdk/node';
import type { UpdatesConfig } from '../config-schema.ts';
import type { BlobCache } from './blob-cache.ts';
import type { BundleSource } from './bundle-source.ts';
import { checkSpace, fetchManifest, fetchParts } from './fetch-bundle.ts';
import type { LoadedModel, ModelHost } from './model-host.ts';
import {
  digestOf,
  type InstalledModel,
  type ModelStore,
  type OpenInstalled,
  reasonOf,
  type SignedManifest,
} from './model-store.ts';
import { createRateLimit } from './rate-limit.ts';
import type { Place, UpdateOutcome } from './slots-file.ts';
import { runTrial } from './trial.ts';
import type { Step, UpdateProgress } from './update-steps.ts';
import { waitForHour } from './wait-for-hour.ts';

export interface UpdaterOptions {
  readonly host: ModelHost;
  readonly store: ModelStore;
  readonly blobs: BlobCache;
  readonly counters: BundleCounters;
  readonly trustedKeys: readonly TrustedKey[] | undefined;
  readonly config: UpdatesConfig;
  /** While this file is there, nothing is switched. */
  readonly lockPath: string;
  readonly open: OpenInstalled;
  /** Asked before a byte of a bundle is fetched: whether a whole model may not be on this device. */
  readonly takesHeadAlone: () => Promise<boolean>;
  /** Removes blobs that no model needs. */
  readonly prune: () => Promise<void>;
  readonly onChange: () => void;
  readonly now: () => number;
}

export interface UpdateRequest {
  readonly source: BundleSource;
  /** Somebody on this machine asks for it: it need not be signed where no keys are configured, and does not wait for the window. */
  readonly isLocal: boolean;
}

export interface Updater {
  /** Of the update in progress. */
  readonly progress: UpdateProgress | undefined;
  /** Gives way to a newer call. Never rejects: how it went is the outcome, which is kept across restarts. */
  update(request: UpdateRequest): Promise<UpdateOutcome>;
  /** To the version before. @throws SplitError `model-unknown` where there is none */
  rollBack(): Promise<UpdateOutcome>;
  /** Settles a version that was switched to before the agent was started again. */
  resumeProbation(): void;
  stop(): Promise<void>;
}

const MAX_TRIES = 3;

export function createUpdater(options: UpdaterOptions): Updater {
  const { host, store, config, now, onChange } = options;
  let progress: UpdateProgress | undefined;
  let running: { readonly abort: AbortController; readonly done: Promise<unknown> } | undefined;
  let probation: NodeJS.Timeout | undefined;

  async function update(request: UpdateRequest): Promise<UpdateOutcome> {
    const abort = new AbortController();
    const before = running;
    before?.abort.abort(new SplitError('aborted', 'a newer update took its place'));
    const done = (before?.done ?? Promise.resolve()).then(() => attempt(request, abort.signal));
    const own = { abort, done };
    running = own;
    try {
      return await done;
    } finally {
      if (running === own) running = undefined;
    }
  }

  async function attempt(request: UpdateRequest, signal: AbortSignal): Promise<UpdateOutcome> {
    let next: { installed: InstalledModel; session: SplitSession } | undefined;
    try {
      at('manifest');
      const signed = await manifestOf(request, signal);
      const sha256 = digestOf(signed.bytes);
      if (isHere(sha256)) return await settle('installed', 'manifest', signed);
      refuseAfterTries(sha256);
      const files = await fetchAll(signed, request.source, signal);
      at('wait');
      await waitForHour({
        isReady: () => store.slots.isConfirmed,
        window: request.isLocal ? undefined : config.window,
        lockPath: options.lockPath,
        signal,
        onWait: (reason) => at('wait', { reason }),
      });
      at('stage');
      const place = await store.stage(signed, files);
      at('trial');
      next = await tryOut(place, sha256, signal);
      at('switch');
      await switchTo(place, next, signed);
      return await settle('installed', 'switch', signed);
    } catch (error) {
      await next?.session.release();
      return await fail(error);
    } finally {
      progress = undefined;
      await options.prune().catch(() => undefined); // What is too much now is removed after the next update.
      onChange();
    }
  }

  async function manifestOf(
    { source, isLocal }: UpdateRequest,
    signal: AbortSignal,
  ): Promise<SignedManifest> {
    const { trustedKeys, counters } = options;
    if (trustedKeys === undefined && !isLocal)
      throw new SplitError('signature-invalid', 'updates.keys names no key, so nothing is taken from afar');
    return fetchManifest(
      source,
      {
        model: host.name,
        trustedKeys,
        leastCounter: counters.get(host.name),
        takesHeadAlone: await options.takesHeadAlone(),
      },
      signal,
    );
  }

  const isHere = (sha256: string) => host.current?.installed.sha256 === sha256;

  /** The trial of this very bundle has ended the agent itself again and again. */
  function refuseAfterTries(sha256: string): void {
    const { trial } = store.slots;
    if (trial?.sha256 === sha256 && trial.tries >= MAX_TRIES)
      throw new SplitError(
        'bundle-invalid',
        `the agent ended ${trial.tries} times during the bundle's trial`,
      );
  }

  async function fetchAll(
    signed: SignedManifest,
    source: BundleSource,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, string>> {
    const { parts } = signed.manifest;
    const totalBytes = parts.reduce((sum, { bytes }) => sum + bytes, 0);
    at('space', { manifest: signed.manifest, totalBytes });
    await checkSpace(options.blobs, parts);
    at('fetch');
    const limit = createRateLimit(config.bytesPerSecond, () => performance.now());
    return await fetchParts(parts, {
      source,
      blobs: options.blobs,
      limit,
      signal,
      onProgress: (bytes) => {
        if (progress) progress = { ...progress, fetchedBytes: progress.fetchedBytes + bytes };
      },
    });
  }

  async function tryOut(place: Place, sha256: string, signal: AbortSignal) {
    const { trial } = store.slots;
    await store.change({ trial: { sha256, tries: trial?.sha256 === sha256 ? trial.tries + 1 : 1 } });
    const installed = await store.open(place);
    const session = await options.open(installed, { isTrial: true });
    try {
      await runTrial(session, installed.folder ?? '', config.tolerance);
      signal.throwIfAborted();
      await store.change({ trial: undefined });
      return { installed, session };
    } catch (error) {
      await session.release();
      throw error;
    }
  }

  async function switchTo(place: Place, next: LoadedModel, { manifest }: SignedManifest): Promise<void> {
    await options.counters.raise(host.name, manifest.counter);
    const before = host.current?.installed.place ?? 'base';
    await store.change({ active: place, previous: before, isConfirmed: config.probationMs === 0, starts: 0 });
    beginProbation();
    await host.replace(next);
  }

  function beginProbation(): void {
    if (store.slots.isConfirmed) return;
    host.guard = async ({ installed }, error) => {
      // Many runs may fail at once; the first one brings the version before back.
      if (installed.place !== store.slots.active) return true;
      return await goBack('probation', error);
    };
    clearTimeout(probation);
    probation = setTimeout(() => void confirm(), config.probationMs);
    probation.unref();
  }

  async function confirm(): Promise<void> {
    host.guard = undefined;
    try {
      await store.change({ isConfirmed: true, starts: 0 });
    } catch {
      // A disk that cannot be written to now: later, for the next update waits for it.
      beginProbation();
    }
    onChange();
  }

  /** Runs that fail meanwhile wait for the same way back. */
  let goingBack: Promise<boolean> | undefined;
  function goBack(step: string, error: unknown): Promise<boolean> {
    goingBack ??= (async () => {
      const { previous } = store.slots;
      const failed = host.current?.installed;
      const loaded = await load(previous);
      await store.goBack(previous, 'base', {
        outcome: 'rolled-back',
        step,
        version: failed?.version ?? '?',
        counter: failed?.counter ?? 0,
        reason: reasonOf(error),
        atMs: now(),
      });
      endProbation();
      // Not waited for: the failing run, which waits for this, is one of those that must end first.
      void host.replace(loaded).then(onChange);
      return true;
    })()
      .catch(() => false) // The version before does not open either: the failure stands as it is.
      .finally(() => {
        goingBack = undefined;
      });
    return goingBack;
  }

  async function rollBack(): Promise<UpdateOutcome> {
    const { active, previous } = store.slots;
    if (active === previous)
      throw new SplitError('model-unknown', 'there is no version before to go back to');
    const failed = host.current?.installed;
    const loaded = await load(previous);
    const outcome: UpdateOutcome = {
      outcome: 'rolled-back',
      step: 'by-hand',
      version: failed?.version ?? '?',
      counter: failed?.counter ?? 0,
      atMs: now(),
    };
    await store.goBack(previous, active, outcome);
    endProbation();
    await host.replace(loaded);
    onChange();
    return outcome;
  }

  async function load(place: Place): Promise<LoadedModel> {
    const installed = await store.open(place);
    return { installed, session: await options.open(installed) };
  }

  function endProbation(): void {
    clearTimeout(probation);
    host.guard = undefined;
  }

  async function settle(
    outcome: UpdateOutcome['outcome'],
    step: Step,
    { manifest: { version, counter } }: SignedManifest,
  ): Promise<UpdateOutcome> {
    const last = { outcome, step, version, counter, atMs: now() };
    await store.change({ last });
    return last;
  }

  async function fail(error: unknown): Promise<UpdateOutcome> {
    const step = progress?.step ?? 'manifest';
    const { version = '?', counter = 0 } = progress?.manifest ?? {};
    const refused = step === 'manifest' || step === 'space';
    const last: UpdateOutcome = {
      outcome: refused ? 'refused' : 'failed',
      step,
      version,
      counter,
      reason: reasonOf(error),
      atMs: now(),
    };
    await store.note(last);
    return last;
  }

  function at(step: Step, more: Partial<UpdateProgress> = {}): void {
    progress = { fetchedBytes: 0, totalBytes: 0, ...progress, reason: undefined, ...more, step };
    onChange();
  }

  return {
    get progress() {
      return progress;
    },
    update,
    rollBack,
    resumeProbation: beginProbation,
    async stop() {
      clearTimeout(probation);
      running?.abort.abort(new SplitError('aborted', 'the agent stops'));
      await running?.done;
    },
  };
}
