/** The published packages as strangers get them: built from a copy of the sources, packed, installed in an empty folder. */
import { execFile } from 'node:child_process';
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const REPOSITORY: string = resolve(import.meta.dirname, '../..');
/** In the order in which they need each other. */
export const PACKAGES: readonly string[] = ['sdk', 'edge-agent', 'cloud-gateway'];
const TSC = join(REPOSITORY, 'node_modules/typescript/bin/tsc');

export interface PackedPackage {
  /** Its folder in the repository. */
  readonly folder: string;
  readonly tarball: string;
  /** Paths inside the tarball, as `dist/index.js`. */
  readonly files: readonly string[];
}

/** What a user's shell gives a program: nothing that this repository sets to run from source. */
export function strangerEnvironment(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env).filter(
    ([name]) => !/^(NODE_OPTIONS|VITEST|npm_|CUTPOINT_)/.test(name),
  );
  return Object.fromEntries(entries);
}

/** Builds and packs into `folder`; whatever `dist` holds in the repository is neither used nor changed. */
export async function packPackages(folder: string): Promise<readonly PackedPackage[]> {
  await cp(join(REPOSITORY, 'tsconfig.base.json'), join(folder, 'tsconfig.base.json'));
  await symlink(join(REPOSITORY, 'node_modules'), join(folder, 'node_modules'));
  for (const name of PACKAGES) await copyPackage(name, folder);
  // As `npm run build` does: the packages' own scripts.
  for (const name of PACKAGES) await command('npm', ['run', '--silent', 'build'], join(folder, name));
  return Promise.all(PACKAGES.map((name) => pack(name, folder)));
}

async function copyPackage(name: string, folder: string): Promise<void> {
  const notBuilt = (path: string) => !/\/(dist|node_modules|\.turbo)$/.test(path);
  await cp(join(REPOSITORY, name), join(folder, name), { recursive: true, filter: notBuilt });
  if (name === 'sdk') return;
  // The other two are built against the copy of the SDK, not against the repository's.
  await mkdir(join(folder, name, 'node_modules/@cutpoint'), { recursive: true });
  await symlink(join(folder, 'sdk'), join(folder, name, 'node_modules/@cutpoint/sdk'));
}

async function pack(name: string, folder: string): Promise<PackedPackage> {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const stdout = await command('npm', args, join(folder, name));
  const { filename, files } = firstReport(stdout);
  return { folder: name, tarball: join(folder, filename), files: files.map(({ path }) => path) };
}

interface PackReport {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

/** npm 11 and older print a list, newer ones an object by the package's name. */
function firstReport(json: string): PackReport {
  const [report] = Object.values(JSON.parse(json) as Record<string, PackReport>);
  if (report === undefined) throw new Error(`npm pack reports nothing: ${json}`);
  return report;
}

/** Installs the tarballs, and the peer that they name, into an empty application. */
export async function installPackages(packages: readonly PackedPackage[], folder: string): Promise<void> {
  await mkdir(folder);
  await writeFile(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'stranger', private: true, type: 'module' }),
  );
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
  await command(
    'npm',
    ['install', ...flags, ...packages.map(({ tarball }) => tarball), 'onnxruntime-node@1.30.0'],
    folder,
  );
}

/** Compiles one TypeScript file as a strict user would, declarations of all packages included; gives the program's path. */
export async function compileAsUser(file: string, folder: string): Promise<string> {
  await cp(join(REPOSITORY, file), join(folder, 'stranger.ts'));
  const compilerOptions = { target: 'es2023', module: 'nodenext', strict: true, types: ['node'] };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['stranger.ts'] }));
  await command(process.execPath, [TSC, '-p', '.'], folder);
  return join(folder, 'stranger.js');
}

/** Runs a program to its end in a stranger's environment and gives its stdout. @throws Error with all that it wrote */
export async function command(program: string, args: readonly string[], cwd: string): Promise<string> {
  const options = { cwd, env: strangerEnvironment(), maxBuffer: 1 << 26 };
  try {
    return (await run(program, args, options)).stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`${program} ${args.join(' ')} failed:\n${stdout}${stderr}`, { cause: error });
  }
}
