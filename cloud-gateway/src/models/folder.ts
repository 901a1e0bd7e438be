/** The folder of models: which names it holds, and where their files lie. */
import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SplitError } from '@cutpoint/sdk';

export interface ModelFolder {
  /** The folder's name is the model's. */
  readonly name: string;
  /** Where the file really lies: ONNX Runtime reads no weights through a link out of a directory. */
  readonly modelPath: string;
  /** May not be there. */
  readonly settingsPath: string;
  /** What may hold coder tables, as `cutpoint plan` and `cutpoint calibrate` write them. May not be there. */
  readonly tablePaths: { readonly 'plan.json': string; readonly 'calibration.json': string };
}

const MODEL_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;

/**
 * Folders that hold a `model.onnx`, by name. Folders with another kind of name are left out, as are hidden ones.
 * @throws SplitError `options-invalid` when the directory is not there, or holds no model
 */
export async function listModelFolders(directory: string): Promise<readonly ModelFolder[]> {
  const names = (await readNames(directory)).filter((name) => MODEL_NAME.test(name)).sort();
  const folders = await Promise.all(names.map((name) => findModel(directory, name)));
  const found = folders.filter((folder) => folder !== undefined);
  if (found.length > 0) return found;
  throw new SplitError(
    'options-invalid',
    `models is ${directory}, which holds no model; expected ${join(directory, 'NAME', 'model.onnx')}`,
  );
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

async function findModel(directory: string, name: string): Promise<ModelFolder | undefined> {
  try {
    const modelPath = await realpath(join(directory, name, 'model.onnx'));
    const isFile = (await stat(modelPath)).isFile();
    return isFile ? { name, modelPath, ...besidesOf(join(directory, name)) } : undefined;
  } catch {
    return undefined; // Not there, or not ours to read: not a model that can be served.
  }
}

/** In the folder of that name, wherever the model's own file lies. */
function besidesOf(folder: string): Pick<ModelFolder, 'settingsPath' | 'tablePaths'> {
  const [plan, calibration] = ['plan.json', 'calibration.json'].map((file) => join(folder, file));
  return {
    settingsPath: join(folder, 'cutpoint.json'),
    tablePaths: { 'plan.json': plan as string, 'calibration.json': calibration as string },
  };
}
