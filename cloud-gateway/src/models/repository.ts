/**
 * The models that are served: loaded, unloaded and exchanged while requests run. A new version is made ready beside the old
 * one, which stays for the devices that still have it until the version after is there; what a request holds is released
 * when it is done.
 */
import { asSplitError, SplitError, type TablesById } from '@cutpoint/sdk/gateway';
import type { GatewayEvents, ModelChanged } from '../events.ts';
import { listModelNames, listVersions, type ModelFolder } from './folder.ts';
import { type LoadOptions, loadVersion } from './load-version.ts';
import type { ServedModel } from './served-model.ts';
import { joinTables } from './tables.ts';

export interface RepositoryOptions extends LoadOptions {
  readonly directory: string;
  /** Versions of a model that are served: 2 keeps the one before the newest. */
  readonly keepVersions: number;
  readonly events: GatewayEvents;
}

export interface RepositoryEntry {
  readonly name: string;
  readonly version: string;
  readonly state: 'READY' | 'LOADING' | 'UNAVAILABLE';
  readonly reason: string;
}

export interface ModelRepository {
  /** Newest version of a name, or the one given; `undefined` where it is not served. */
  find(name: string, version?: string): ServedModel | undefined;
  /** The version with this digest. @throws SplitError `model-unknown`, `model-mismatch` */
  require(name: string, digest: string): ServedModel;
  /** Versions of a name, the newest first. */
  versionsOf(name: string): readonly ServedModel[];
  /** Every model and version that is served. */
  served(): readonly ServedModel[];
  /** Coder tables of all models. */
  tables(): TablesById;
  /** What is on disk and what became of it. */
  index(): Promise<readonly RepositoryEntry[]>;
  /**
   * Loads what is newest on disk, also where it is loaded already. Requests are served all the while.
   * @throws SplitError `model-unknown` where nothing is on disk, else as loadVersion; what was served still is, and where
   * nothing was, the newest version that does load
   */
  load(name: string): Promise<void>;
  /** Requests in hand are answered; later ones are refused with `model-unknown`. @throws SplitError `model-unknown` */
  unload(name: string): Promise<void>;
  /** @throws SplitError `options-invalid` for a folder without models, `model-invalid` where none of them loads */
  loadAll(): Promise<void>;
  close(): Promise<void>;
}

const DIGEST_DIGITS_SHOWN = 12;

export function createRepository(o: RepositoryOptions): ModelRepository {
  /** The newest first. */
  const models = new Map<string, readonly ServedModel[]>();
  const failures = new Map<string, { readonly folder: ModelFolder; readonly reason: string }>();
  const loading = new Set<string>();
  /** Models that were let go, until their memory is free. */
  const leaving = new Set<Promise<unknown>>();
  let tables: TablesById = new Map();
  let isServing = false;
  /** One change at a time: two models being timed at once would slow each other down. */
  let last: Promise<unknown> = Promise.resolve();

  function inTurn<T>(change: () => Promise<T>): Promise<T> {
    const turn = last.then(change);
    last = turn.catch(() => {}); // Whoever asked for it gets the error.
    return turn;
  }

  function tell(
    folder: Pick<ModelFolder, 'name' | 'version'>,
    change: Omit<ModelChanged, 'model' | 'version'>,
  ) {
    o.events.emit('model-changed', { model: folder.name, version: folder.version, ...change });
  }

  async function loadOne(folder: ModelFolder, isNewest: boolean): Promise<ServedModel> {
    const key = keyOf(folder);
    loading.add(key);
    tell(folder, { digest: '', state: 'loading' });
    try {
      const model = await loadVersion(folder, { ...o, isServing }, isNewest);
      failures.delete(key);
      return model;
    } catch (error) {
      const { code, message } = asSplitError(error);
      failures.set(key, { folder, reason: `${code}: ${message}` });
      tell(folder, { digest: '', state: 'failed', code });
      const { name, version, modelPath: path } = folder;
      o.log.error({ model: name, version, path, code }, `model is left out: ${message}`);
      throw error;
    } finally {
      loading.delete(key);
    }
  }

  /** The new list takes the place of the old one at once; what is in neither is let go. */
  function exchange(name: string, next: readonly ServedModel[]): void {
    const before = models.get(name) ?? [];
    if (next.length === 0) models.delete(name);
    else models.set(name, next);
    tables = joinTables([...models.values()].flat().flatMap((model) => model.tables ?? []));
    for (const [index, model] of next.entries())
      tell(model, { digest: model.digest, state: index === 0 ? 'ready' : 'retiring', ranks: model.ranks });
    for (const model of before.filter((one) => !next.includes(one))) {
      if (!next.some(({ version }) => version === model.version))
        tell(model, { digest: model.digest, state: 'unloaded' });
      letGo(model);
    }
  }

  function letGo(model: ServedModel): void {
    const gone = model
      .close()
      .catch((error: unknown) => o.log.warn({ model: model.name }, `could not be released: ${String(error)}`))
      .then(sweep)
      .finally(() => leaving.delete(gone));
    leaving.add(gone);
  }

  /** Files of ranks that no model uses any more. */
  async function sweep(): Promise<void> {
    await o.ranks?.cache
      ?.sweep()
      .catch((error: unknown) =>
        o.log.warn({}, `files of ranks are left over: ${asSplitError(error).message}`),
      );
  }

  /** A version that did not load and was taken away is nothing to be told of any more. */
  function forgetFailures(name: string, folders: readonly ModelFolder[]): void {
    const onDisk = new Set(folders.map(keyOf));
    for (const [key, { folder }] of failures) {
      if (folder.name !== name || onDisk.has(key)) continue;
      failures.delete(key);
      if (!models.get(name)?.some(({ version }) => version === folder.version))
        tell(folder, { digest: '', state: 'unloaded' });
    }
  }

  /** Whoever starts anew serves what it would serve had it gone on. */
  async function serveOlder(name: string, older: readonly ModelFolder[]): Promise<void> {
    for (const [index, folder] of older.entries()) {
      const model = await loadOne(folder, true).catch(() => undefined);
      if (!model) continue;
      await keepOlder(name, model, older.slice(index + 1));
      return;
    }
  }

  async function load(name: string): Promise<void> {
    const folders = await listVersions(o.directory, name);
    forgetFailures(name, folders);
    const [newest, ...older] = folders;
    if (newest === undefined)
      throw new SplitError('model-unknown', `model '${name}' is not in ${o.directory}`);
    // What still answers its last requests is in the way only where memory is counted.
    if (o.memory) await Promise.all(leaving);
    try {
      await keepOlder(name, await loadOne(newest, true), older);
    } catch (error) {
      if (!models.has(name)) await serveOlder(name, older);
      throw error;
    }
  }

  async function keepOlder(name: string, fresh: ServedModel, older: readonly ModelFolder[]): Promise<void> {
    const before = models.get(name) ?? [];
    const kept: ServedModel[] = [fresh];
    for (const folder of older.slice(0, Math.max(0, o.keepVersions - 1))) {
      const known = before.find(({ version }) => version === folder.version);
      // One of them that does not load is no reason to go without the newest.
      const model = known ?? (await loadOne(folder, false).catch(() => undefined));
      if (model) kept.push(model);
    }
    // A file that was changed in its place: devices still have the old one.
    const replaced = before.find(({ digest }) => !kept.some((model) => model.digest === digest));
    if (replaced && kept.length < o.keepVersions) kept.push(replaced);
    exchange(name, kept);
  }

  async function loadAll(): Promise<void> {
    const names = await listModelNames(o.directory);
    for (const name of names) await load(name).catch(() => undefined); // The log says why.
    await sweep();
    isServing = true;
    if (models.size > 0) return;
    throw new SplitError(
      'model-invalid',
      `none of the ${names.length} models in ${o.directory} could be loaded; the log says why`,
    );
  }

  function requireModel(name: string, digest: string): ServedModel {
    const versions = models.get(name) ?? [];
    const model = versions.find((candidate) => candidate.digest === digest);
    if (model !== undefined) return model;
    if (versions.length === 0) {
      const served = [...models.keys()].join(', ') || 'nothing';
      throw new SplitError('model-unknown', `model '${name}' is not here; this gateway serves ${served}`);
    }
    const [theirs, ...ours] = [digest, ...versions.map((one) => one.digest)].map((digits) =>
      digits.slice(0, DIGEST_DIGITS_SHOWN),
    );
    throw new SplitError(
      'model-mismatch',
      `model '${name}' has digest ${theirs} on the device and ${ours.join(', ')} here; give both the same file`,
    );
  }

  async function index(): Promise<readonly RepositoryEntry[]> {
    const names = await listModelNames(o.directory).catch(() => []);
    const folders = (await Promise.all(names.map((name) => listVersions(o.directory, name)))).flat();
    return folders.map((folder) => {
      const { name, version } = folder;
      const isServed = models.get(name)?.some((model) => model.version === version) ?? false;
      const state = loading.has(keyOf(folder)) ? 'LOADING' : isServed ? 'READY' : 'UNAVAILABLE';
      return { name, version, state, reason: isServed ? '' : (failures.get(keyOf(folder))?.reason ?? '') };
    });
  }

  return {
    find: (name, version) =>
      models.get(name)?.find((model) => version === undefined || model.version === version),
    require: requireModel,
    versionsOf: (name) => models.get(name) ?? [],
    served: () => [...models.values()].flat(),
    tables: () => tables,
    index,
    load: (name) => inTurn(() => load(name)),
    unload: (name) =>
      inTurn(async () => {
        if (!models.has(name)) throw new SplitError('model-unknown', `model '${name}' is not served`);
        exchange(name, []);
      }),
    loadAll: () => inTurn(loadAll),
    close: () =>
      inTurn(async () => {
        await Promise.all([...models.values()].flat().map((model) => model.close()));
      }),
  };
}

function keyOf({ name, version }: Pick<ModelFolder, 'name' | 'version'>): string {
  return `${name}/${version}`;
}
