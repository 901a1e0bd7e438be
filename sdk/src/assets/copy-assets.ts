/** Puts the files that a page loads into one folder: ours, and those of the onnxruntime-web that is installed. */
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SplitError } from '../errors.ts';
import { ASSET_NAMES } from '../web/asset-names.ts';

export interface CopyAssetsOptions {
  /** ONNX Runtime's build for WebGPU as well, 27 MB. @default true */
  readonly webgpu?: boolean | undefined;
  /** Where onnxruntime-web is looked for. @default the SDK's own place */
  readonly from?: string | undefined;
}

/** The version that our workers carry the JavaScript of. */
const ORT_VERSION = '1.30.0';

/**
 * @returns names of the files
 * @throws SplitError `provider-unavailable` where onnxruntime-web is missing or of another version
 */
export async function copyAssets(
  directory: string,
  { webgpu = true, from }: CopyAssetsOptions = {},
): Promise<readonly string[]> {
  const ort = await findOrt(from ?? import.meta.url);
  await mkdir(directory, { recursive: true });
  const own = await ownFiles(directory);
  await pointHere(join(directory, 'cutpoint.js'));
  const builds = webgpu ? [ASSET_NAMES.wasm, ASSET_NAMES.webgpu] : [ASSET_NAMES.wasm];
  const theirs = builds.flatMap(({ glue, wasm }) => [glue, wasm]);
  for (const name of theirs) await copyFile(join(ort, name), join(directory, name));
  return [...own, ...theirs];
}

/** The page's module looks for ONNX Runtime's files where a package manager puts them; in this folder they are beside it. */
async function pointHere(path: string): Promise<void> {
  const text = await readFile(path, 'utf8');
  await writeFile(path, text.replaceAll('../../../../onnxruntime-web/dist/', './'));
}

/** The folder `dist` of the installed package. */
async function findOrt(from: string): Promise<string> {
  const install = `run: npm install onnxruntime-web@${ORT_VERSION}`;
  let folder: string;
  try {
    folder = dirname(createRequire(from).resolve(`onnxruntime-web/${ASSET_NAMES.wasm.wasm}`));
  } catch (cause) {
    throw new SplitError('provider-unavailable', `onnxruntime-web is not installed; ${install}`, { cause });
  }
  const { version } = JSON.parse(await readFile(join(folder, '../package.json'), 'utf8')) as {
    version: string;
  };
  if (version === ORT_VERSION) return folder;
  throw new SplitError(
    'provider-unavailable',
    `onnxruntime-web is ${version}, and this SDK's workers are made for ${ORT_VERSION}; ${install}`,
  );
}

/** As published they are built; from source they are built now. */
async function ownFiles(directory: string): Promise<readonly string[]> {
  const names = ['cutpoint.js', ASSET_NAMES.session, ASSET_NAMES.wasm.worker, ASSET_NAMES.webgpu.worker];
  if (import.meta.url.endsWith('.ts')) {
    const builder = (await import(new URL('../../web-build/build.mjs', import.meta.url).href)) as {
      buildWeb(directory: string): Promise<void>;
    };
    await builder.buildWeb(directory);
    return names;
  }
  const built = fileURLToPath(new URL('../web', import.meta.url));
  for (const name of names) await copyFile(join(built, name), join(directory, name));
  return names;
}
