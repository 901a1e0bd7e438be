import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runProgram } from './program.ts';
import { checkResultFiles, writeResult } from './result-file.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function cutpoint(...argv: string[]) {
  let error = '';
  const code = await runProgram({
    argv,
    writeOut: () => {},
    writeError: (text) => {
      error += text;
    },
    hasColours: false,
    showsProgress: false,
    now: () => new Date(0),
  });
  return { code, error };
}

describe('a place that nothing can be written to', () => {
  it.each([
    ['inspect net.onnx', '--html'],
    ['profile net.onnx', '--out'],
    ['calibrate net.onnx --inputs photos', '--out'],
    ['plan net.onnx --edge e.json --cloud c.json', '--out'],
    ['plan net.onnx --edge e.json --cloud c.json', '--html'],
    ['leakage net.onnx --inputs photos', '--html'],
    ['simulate --plan plan.json --trace bus.txt', '--html'],
    ['capacity fleet.yaml', '--html'],
    ['report plan.json --fleet fleet.yaml --policy policy.yaml', '--out'],
    ['describe-gateway gw --region eu --counter 1 --days 1 --key k.pem', '--out'],
  ])('is said by %s %s before anything is read or run', async (line, flag) => {
    const place = join(folder, 'no-such-folder', 'result');
    expect(await cutpoint(...line.split(' '), flag, place)).toEqual({
      code: 2,
      error: `error[options-invalid]: ${flag} ${place} cannot be written: there is no folder ${join(folder, 'no-such-folder')}\n`,
    });
  });

  it('may be a folder, or below a file', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    await expect(checkResultFiles({ html: folder })).rejects.toThrow('it is a folder');
    await expect(checkResultFiles({ out: join(file, 'x') })).rejects.toThrow('there is no folder');
    await expect(writeResult(folder, '')).rejects.toMatchObject({ code: 'storage-failed' });
  });
});

it('what lies at a place that can be written to stays until the result is there', async () => {
  const out = join(folder, 'plan.json');
  await checkResultFiles({ out });
  await writeResult(out, 'old');
  await checkResultFiles({ out });
  expect(await readFile(out, 'utf8')).toBe('old');
});
