/** The three packages as strangers get them: packed, installed into an empty folder, used with plain Node. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, posix } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type GatewayProcess,
  type ModelFolder,
  makeModelFolder,
  startGatewayProcess,
} from '../support/gateway-process.ts';
import { smallConvNet } from '../support/models/small-conv-net.ts';
import {
  command,
  compileAsUser,
  installPackages,
  PACKAGES,
  type PackedPackage,
  packPackages,
  REPOSITORY,
  strangerEnvironment,
} from '../support/packages.ts';

const INSTALL_TIMEOUT_MS = 180_000;
let folder: string;
let packed: readonly PackedPackage[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-packages-'));
  packed = await packPackages(folder);
}, INSTALL_TIMEOUT_MS);
afterAll(() => rm(folder, { recursive: true, force: true }));

const packedFrom = (name: string): PackedPackage =>
  packed.find((each) => each.folder === name) as PackedPackage;

describe.each(PACKAGES)('the package of %s', (name) => {
  it('carries what a user needs and no tests', () => {
    const { files } = packedFrom(name);
    expect(files).toEqual(expect.arrayContaining(['README.md', 'LICENSE', 'package.json']));
    expect(
      files.filter(
        (file) =>
          !/^(README\.md|LICENSE|package\.json|dist\/.+|src\/.+|config\.schema\.json|gateway\.example\.yaml)$/.test(
            file,
          ),
      ),
    ).toEqual([]);
    expect(files.filter((file) => /\.test\.|\.suite\./.test(file))).toEqual([]);
  });

  it('has every source that its source maps name', async () => {
    const { files } = packedFrom(name);
    const maps = files.filter((file) => file.endsWith('.js.map'));
    const sources = await Promise.all(maps.map((map) => sourcesOf(name, map)));
    expect(sources.length).toBeGreaterThan(0);
    expect(sources.flat().filter((source) => !files.includes(source))).toEqual([]);
  });

  it('has the licence of the repository', async () => {
    const licence = (path: string) => readFile(join(REPOSITORY, path, 'LICENSE'), 'utf8');
    expect(await licence(name)).toBe(await licence('.'));
  });

  it('passes publint', async () => {
    const tarball = arrayBufferOf(await readFile(packedFrom(name).tarball));
    const { messages, pkg } = await publint({ pack: { tarball } });
    expect(messages.map((message) => formatMessage(message, pkg, { color: false }))).toEqual([]);
  });
});

describe('the packages, installed in an empty folder', () => {
  let app: string;
  let models: ModelFolder;
  let gateway: GatewayProcess;
  let stranger: string;
  const bin = (name: string) => join(app, 'node_modules/.bin', name);

  beforeAll(async () => {
    app = join(folder, 'app');
    await installPackages(packed, app);
    stranger = await compileAsUser('test/packages/stranger.ts', app);
    models = await makeModelFolder({ net: { model: smallConvNet(), inputs: { input: [1, 3, 32, 32] } } });
    const args = ['--models', models.path, '--listen', '127.0.0.1:0', '--threads', '1'];
    gateway = await startGatewayProcess(args, {
      program: bin('cutpoint-gateway'),
      env: strangerEnvironment(),
    });
  }, INSTALL_TIMEOUT_MS);
  afterAll(async () => {
    await gateway?.kill('SIGTERM');
    await models?.remove();
  });

  // npm's is the user's own, where the tests were started by npm; from 20.19 up it must do for the SDK.
  const nodes = [
    ['this Node', process.execPath],
    ['the Node of npm', process.env.npm_node_execpath ?? process.execPath],
  ] as const;

  it.each(nodes)('split a model with the right answer on %s', async (_, node) => {
    const result = JSON.parse(await command(node, [stranger, models.model('net'), gateway.broker], app));
    expect(result).toMatchObject({
      gateway: gateway.gateway,
      refusal: 'input-name',
      doors: ['function', true, 'function'],
    });
    expect(result.sentBytes).toBeGreaterThan(0);
    expect(result.expected).toHaveLength(10);
    for (const [index, value] of result.expected.entries())
      expect(result.actual[index]).toBeCloseTo(value, 4);
  });

  it.each([
    'cutpoint-gateway',
    'cutpoint-edge',
  ])('have %s as a program that says its version and its options', async (name) => {
    const path = [dirname(process.execPath), process.env.PATH].join(delimiter);
    const say = async (flag: string) => command('/usr/bin/env', [`PATH=${path}`, bin(name), flag], app);
    const { version } = JSON.parse(await readFile(join(REPOSITORY, 'sdk/package.json'), 'utf8'));
    expect((await say('--version')).trim()).toBe(version);
    expect(await say('--help')).toContain(`Usage: ${name}`);
  });
});

/** Paths in the package of the files that one source map names and does not hold itself. */
async function sourcesOf(name: string, map: string): Promise<readonly string[]> {
  const { sources, sourcesContent = [] } = JSON.parse(await readFile(join(folder, name, map), 'utf8')) as {
    sources: readonly string[];
    sourcesContent?: readonly (string | null)[];
  };
  const named = sources.filter((_, i) => typeof sourcesContent[i] !== 'string');
  return named.map((source) => posix.join(posix.dirname(map), source));
}

function arrayBufferOf({ buffer, byteOffset, byteLength }: Buffer<ArrayBuffer>): ArrayBuffer {
  return buffer.slice(byteOffset, byteOffset + byteLength);
}
