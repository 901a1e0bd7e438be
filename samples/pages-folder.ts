/** A folder that a gateway serves below /pages/: the SDK's files for pages, and what a sample puts beside them. */
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { copyAssets } from '@cutpoint/sdk/assets';

export interface PagesFolder {
  readonly path: string;
  /** Paths of files, or texts, by their place in the folder. */
  add(files: Readonly<Record<string, string | { readonly text: string }>>): Promise<void>;
  /** Modules of the samples, by their path there without `.ts`: JavaScript at the same place. */
  addModules(paths: readonly string[]): Promise<void>;
  remove(): Promise<void>;
}

/** With the SDK in `cutpoint/`. */
export async function makePagesFolder(): Promise<PagesFolder> {
  const path = await mkdtemp(join(tmpdir(), 'cutpoint-pages-'));
  await copyAssets(join(path, 'cutpoint'));
  const put = async (place: string, file: string | { readonly text: string }) => {
    const target = join(path, place);
    await mkdir(dirname(target), { recursive: true });
    await (typeof file === 'string' ? copyFile(file, target) : writeFile(target, file.text));
  };
  return {
    path,
    async add(files) {
      for (const [place, file] of Object.entries(files)) await put(place, file);
    },
    async addModules(paths) {
      for (const each of paths) await put(`${each}.js`, { text: await moduleText(each) });
    },
    remove: () => rm(path, { recursive: true, force: true }),
  };
}

/** As a browser takes it: without types, and with addresses instead of a package's name. */
async function moduleText(path: string): Promise<string> {
  const source = await readFile(join(import.meta.dirname, `${path}.ts`), 'utf8');
  return stripTypeScriptTypes(source)
    .replaceAll(/(from\s+')(\.[^']+)\.ts'/g, "$1$2.js'")
    .replaceAll("'@cutpoint/sdk/web'", "'../cutpoint/cutpoint.js'");
}
