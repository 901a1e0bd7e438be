import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { runProgram } from '../program.ts';

async function run(...argv: readonly string[]) {
  let errors = '';
  const code = await runProgram({
    argv,
    writeOut: () => {},
    writeError: (text) => {
      errors += text;
    },
    stopRequested: async () => {},
  });
  return { code, errors };
}

it('init writes nothing that could not be used, so that the next try finds nothing in its way', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'cutpoint-init-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const init = (...more: string[]) => run('init', '--config', join(folder, 'edge.yaml'), ...more);
  for (const [broker, model] of [
    ['mqtt://host', 'a b=x.onnx'],
    ['http://host', 'a=x.onnx'],
  ] as const)
    expect((await init('--broker', broker, '--model', model)).code).toBe(2);
  expect(await readdir(folder)).toEqual([]);
  expect(await init('--broker', 'mqtt://host', '--model', 'a=x.onnx')).toEqual({ code: 0, errors: '' });
});

it('without a verb the program says that one is missing', async () => {
  expect(await run()).toEqual({ code: 2, errors: expect.stringContaining('no verb was given') });
});
