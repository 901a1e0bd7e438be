/**
 * The folder of models, as Triton has it: `DIR/NAME/VERSION/model.onnx` with whole numbers as versions, or
 * `DIR/NAME/model.onnx`, which is version 1.
 */
import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SplitError } from '@cutpoint/sdk';

/** One version of a model on disk. */
export interface ModelFolder {
  readonly name: string;
  readonly version: string;
  /** Holds the model and what belongs to it; a bundle, if it is one. */
  readonly directory: string;
  /** Where the file really lies: ONNX Runtime reads no weights through a link out of a directory. */
  readonly modelPath: string;
  /** May not be there. */
  readonly settingsPath: string;
  /** Where the model's data may be. May not be there. */
  readonly policyPath: string;
  /** What may hold coder tables, as `cutpoint plan` and `cutpoint calibrate` write them. May not be there. */
  readonly tablePaths: { readonly 'plan.json': string; readonly 'calibration.json': string };
}

export const MODEL_NAME: RegExp = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;
const VERSION = /^[1-9][0-9]{0,14}$/;

/**
 * Names of the folders that hold a model, in order. Folders with another kind of name are left out, as are hidden ones.
 * @throws SplitError `options-invalid` when the directory is not there, or holds no model
 */
export async function listModelNames(directory: string): Promise<readonly string[]> {
  const names = (await readNames(directory)).filter((name) => MODEL_NAME.test(name)).sort();
  const versions = await Promise.all(names.map((name) => listVersions(directory, name)));
  const found = names.filter((_, index) => (versions[index]?.length ?? 0) > 0);
  if (found.length > 0) return found;
  throw new SplitError(
    'options-invalid',
    `models is ${directory}, which holds no model; expected ${join(directory, 'NAME', '1', 'model.onnx')} or ${join(directory, 'NAME', 'model.onnx')}`,
  );
}

/** Versions of one model, the newest first; none where it is not there. */
export async function listVersions(directory: string, name: string): Promise<readonly ModelFolder[]> {
  if (!MODEL_NAME.test(name)) return [];
  const folder = join(directory, name);
  const entries = await readdir(folder).catch(() => []);
  const numbers = entries.filter((entry) => VERSION.test(entry)).sort((a, b) => Number(b) - Number(a));
  const versions = await Promise.all(
    numbers.map((version) => findModel(name, version, join(folder, version))),
  );
  const found = versions.filter((version) => version !== undefined);
  if (found.length > 0) return found;
  const flat = await findModel(name, '1', folder);
  return flat === undefined ? [] : [flat];
}

async function readNames(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (cause) {
    throw new SplitError(
      'options-invalid',
      `models is ${directory}, which cannot be read: ${String(cause)}`,
      { cause },
    );
  }
}

async function findModel(name: string, version: string, directory: string): Promise<ModelFolder | undefined> {
  try {
    const modelPath = await realpath(join(directory, 'model.onnx'));
    const isFile = (await stat(modelPath)).isFile();
    return isFile ? { name, version, directory, modelPath, ...besidesOf(directory) } : undefined;
  } catch {
    return undefined; // Not there, or not ours to read: not a model that can be served.
  }
}

/** In the folder of that version, wherever the model's own file lies. */
function besidesOf(folder: string): Pick<ModelFolder, 'settingsPath' | 'policyPath' | 'tablePaths'> {
  const [plan, calibration] = ['plan.json', 'calibration.json'].map((file) => join(folder, file));
  return {
    settingsPath: join(folder, 'cutpoint.json'),
    policyPath: join(folder, 'policy.yaml'),
    tablePaths: { 'plan.json': plan as string, 'calibration.json': calibration as string },
  };
}
