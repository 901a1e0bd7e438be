/** Loading: from a folder on disk to models that serve. One that does not load is left out; the others serve. */
import { asSplitError, fileSource, type Runtime, SplitError } from '@cutpoint/sdk/gateway';
import type { Log } from '../log.ts';
import { listModelFolders, type ModelFolder } from './folder.ts';
import { prepareModel } from './prepare-model.ts';
import type { ServedModel } from './served-model.ts';
import { readModelSettings } from './settings.ts';
import { readModelTables } from './tables.ts';

export interface LoadOptions {
  readonly runtime: Runtime;
  readonly maxCuts: number;
  readonly log: Log;
}

/**
 * All models of the directory that load, by name.
 * @throws SplitError `model-invalid` when none does
 */
export async function loadModels(
  directory: string,
  o: LoadOptions,
): Promise<ReadonlyMap<string, ServedModel>> {
  const folders = await listModelFolders(directory);
  const models = new Map<string, ServedModel>();
  // One after the other: two models being timed at once would slow each other down.
  for (const folder of folders) {
    const model = await loadOrLog(folder, o);
    if (model !== undefined) models.set(folder.name, model);
  }
  if (models.size > 0) return models;
  throw new SplitError(
    'model-invalid',
    `none of the ${folders.length} models in ${directory} could be loaded; the log says why`,
  );
}

async function loadOrLog(folder: ModelFolder, o: LoadOptions): Promise<ServedModel | undefined> {
  try {
    const settings = await readModelSettings(folder.settingsPath);
    const source = fileSource(folder.modelPath);
    const { inputs: inputShapes, cuts: alsoCuts } = settings;
    const prepared = await prepareModel({ ...o, name: folder.name, source, inputShapes, alsoCuts });
    const model = { ...prepared, tables: await readModelTables(folder, prepared.digest, o.log) };
    const { cuts, inputTailMs } = model.announcement;
    o.log.info(
      { model: folder.name, digest: model.digest, cuts: cuts.length, inputTailMs, tables: model.tables.size },
      'model is ready',
    );
    return model;
  } catch (error) {
    const { code, message } = asSplitError(error);
    o.log.error({ model: folder.name, path: folder.modelPath, code }, `model is left out: ${message}`);
    return undefined;
  }
}
