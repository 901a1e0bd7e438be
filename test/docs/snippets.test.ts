/** The TypeScript of the READMEs runs as it stands; only model, address and `x` are put around it. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type GatewayProcess,
  type ModelFolder,
  makeModelFolder,
  startGatewayProcess,
} from '../support/gateway-process.ts';
import { smallConvNet } from '../support/models/small-conv-net.ts';

const root = resolve(import.meta.dirname, '../..');
const X = "const x = { type: 'float32', data: new Float32Array(3072), dims: [1, 3, 32, 32] } as const;\n";
let models: ModelFolder;
let gateway: GatewayProcess;
let folder: string;

beforeAll(async () => {
  const served = { model: smallConvNet({ input: 'x' }), inputs: { x: [1, 3, 32, 32] } };
  models = await makeModelFolder({ 'ocr-det': served, 'my-model': served });
  gateway = await startGatewayProcess(['--models', models.path, '--listen', '127.0.0.1:0', '--threads', '1']);
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-snippets-'));
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
});
afterAll(async () => {
  await gateway?.kill('SIGKILL');
  await models?.remove();
  await rm(folder, { recursive: true, force: true });
});

async function snippetsOf(document: string): Promise<readonly string[]> {
  const text = await readFile(join(root, document), 'utf8');
  return [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code]) => code as string);
}

/** Runs one snippet to its end and gives what it printed. */
async function runSnippet(code: string, replacements: Readonly<Record<string, string>>): Promise<string> {
  let text = code;
  for (const [from, to] of Object.entries(replacements)) {
    expect(text).toContain(from);
    text = text.replaceAll(from, to);
  }
  const file = join(folder, 'snippet.mts');
  await writeFile(file, X + text);
  const { stdout } = await promisify(execFile)(process.execPath, ['--conditions=@cutpoint/source', file]);
  return stdout;
}

describe.each([
  ['README.md', 'ocr-det'],
  ['sdk/README.md', 'my-model'],
])('the snippet of %s', (document, model) => {
  it('runs against a real gateway and prints its trace', async () => {
    const [snippet = '', ...others] = await snippetsOf(document);
    expect(others).toEqual([]);
    const replacements = {
      "'model.onnx'": `'${models.model(model)}'`,
      'mqtt://127.0.0.1:1883': gateway.broker,
    };
    const printed = await runSnippet(snippet, replacements);
    expect(printed).toMatch(/cut: '.+'/);
    expect(printed).toMatch(/totalMs: [\d.]+/);
    expect(printed).not.toContain('fallback');
  });
});

describe('the snippet of cloud-gateway/README.md', () => {
  it('starts a gateway in the process of its user and stops it', async () => {
    const [snippet = ''] = await snippetsOf('cloud-gateway/README.md');
    const printed = await runSnippet(snippet, { './models': models.path, '127.0.0.1:1883': '127.0.0.1:0' });
    expect(printed).toMatch(/mqtt:\/\/127\.0\.0\.1:\d+ \[ 'my-model', 'ocr-det' \]/);
  });
});
