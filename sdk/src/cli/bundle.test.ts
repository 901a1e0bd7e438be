import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { smallConvNet } from '../../../test/support/models/small-conv-net.ts';
import { runCutpoint } from '../../../test/support/run-cutpoint.ts';

let folder: string;
const at = (path: string) => join(folder, path);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-cli-bundle-'));
  await mkdir(at('net'));
  await writeFile(at('net/model.onnx'), smallConvNet());
});
afterAll(() => rm(folder, { recursive: true }));

const BUNDLE = ['--model', 'net', '--model-version', '3', '--counter', '17'];

it('makes, signs and verifies a bundle, and tells when it was changed', async () => {
  const made = await runCutpoint('bundle', at('net'), ...BUNDLE, '--out', at('bundle'));
  expect(made).toMatchObject({ code: 0, error: '' });
  await expect(stat(at('net/bundle.json'))).rejects.toThrow('ENOENT');
  expect(await runCutpoint('sign', at('bundle'), '--generate-key', at('key.pem'))).toMatchObject({ code: 0 });
  expect((await stat(at('key.pem'))).mode & 0o777).toBe(0o600);

  const verify = () => runCutpoint('verify-bundle', at('bundle'), '--key', at('key.pem.pub'), '--json');
  const good = await verify();
  expect(JSON.parse(good.out)).toMatchObject({ model: 'net', version: '3', counter: 17 });
  const late = await runCutpoint('verify-bundle', at('bundle'), '--least-counter', '18');
  expect(late).toMatchObject({ code: 1, error: expect.stringContaining('error[bundle-outdated]') });

  const bytes = await readFile(at('bundle/model.onnx'));
  bytes.reverse();
  await writeFile(at('bundle/model.onnx'), bytes);
  const changed = await verify();
  expect(changed.code).toBe(1);
  expect(changed.error).toContain('error[bundle-invalid]: model.onnx has another digest');
});

it('refuses to overwrite a key, a folder in use and odd arguments', async () => {
  await writeFile(at('taken.pem'), 'a key');
  for (const args of [
    ['sign', at('bundle'), '--generate-key', at('taken.pem')],
    ['sign', at('bundle')],
    ['bundle', at('net'), ...BUNDLE, '--out', at('net')],
    ['bundle', at('net'), ...BUNDLE.slice(0, 4), '--counter', '1.5'],
    ['verify-bundle', at('bundle'), '--key', at('nowhere.pem')],
  ])
    expect(await runCutpoint(...args)).toMatchObject({ code: 2 });
  expect(await readFile(at('taken.pem'), 'utf8')).toBe('a key');
});
