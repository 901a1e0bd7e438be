import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listModelNames, listVersions } from './folder.ts';
import { readModelSettings } from './settings.ts';

let directory: string;
beforeEach(async () => {
  directory = await realpath(await mkdtemp(join(tmpdir(), 'cutpoint-models-')));
});
afterEach(() => rm(directory, { recursive: true }));

describe('the folder of models', () => {
  it('lists the folders that hold a model, by name', async () => {
    for (const path of [
      'b/model.onnx',
      'a/model.onnx',
      'empty/readme.txt',
      '.git/model.onnx',
      'a b/model.onnx',
      'file.onnx',
    ]) {
      await write(path, '');
    }
    expect(await listModelNames(directory)).toEqual(['a', 'b']);
    const versions = await listVersions(directory, 'a');
    expect(versions).toMatchObject([{ version: '1', modelPath: join(directory, 'a', 'model.onnx') }]);
  });

  it('lists versions by number, the newest first, and not what lies beside them', async () => {
    for (const path of ['9', '10', '2', '0', '1.5', 'next'].map((version) => `net/${version}/model.onnx`))
      await write(path, '');
    await write('net/11/readme.txt', '');
    await write('net/model.onnx', '');
    const versions = await listVersions(directory, 'net');
    expect(versions.map(({ version }) => version)).toEqual(['10', '9', '2']);
    expect(await listVersions(directory, '../net')).toEqual([]);
  });

  it('follows a link to the file, which may have another name', async () => {
    const file = await write('store/net-v3.onnx', '');
    await mkdir(join(directory, 'net'));
    await symlink(file, join(directory, 'net', 'model.onnx'));
    expect(await listVersions(directory, 'net')).toMatchObject([{ name: 'net', modelPath: file }]);
  });

  it('says what it expected when there is no model, or no folder', async () => {
    await expect(listModelNames(directory)).rejects.toThrow(/holds no model; expected .*model\.onnx/);
    await expect(listModelNames(join(directory, 'missing'))).rejects.toMatchObject({
      code: 'options-invalid',
    });
  });
});

describe('cutpoint.json', () => {
  it('binds the shapes of inputs', async () => {
    const path = await write('cutpoint.json', '{"inputs": {"x": [1, 3, 480, 640]}}');
    expect(await readModelSettings(path)).toEqual({ inputs: { x: [1, 3, 480, 640] }, cuts: [] });
  });

  it('may be missing', async () => {
    expect(await readModelSettings(join(directory, 'cutpoint.json'))).toEqual({ inputs: {}, cuts: [] });
  });

  it.each([
    ['text that is not JSON', '{', /cutpoint\.json is not JSON/],
    ['a dimension that is none', '{"inputs": {"x": [1, 0]}}', /cutpoint\.json: inputs\.x\[1\]/],
    ['a cut that is none', '{"cuts": ["conv1"]}', /cutpoint\.json: cuts\[0\]/],
    ['an unknown key', '{"shapes": {}}', /shapes/],
    ['too many dimensions', `{"inputs": {"x": [${Array(9).fill(1)}]}}`, /inputs\.x/],
  ])('is refused with its path for %s', async (_what, text, message) => {
    const path = await write('cutpoint.json', text);
    await expect(readModelSettings(path)).rejects.toMatchObject({
      code: 'options-invalid',
      message: expect.stringMatching(message),
    });
  });
});

async function write(path: string, text: string): Promise<string> {
  const full = join(directory, path);
  await mkdir(dirname(full), { recursive: true });
  await writeFile(full, text);
  return full;
}
