import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ModelFolder, makeModelFolder } from '../../test/support/gateway-process.ts';
import { smallConvNet } from '../../test/support/models/small-conv-net.ts';
import { runProgram } from './program.ts';

let models: ModelFolder;
beforeAll(async () => {
  models = await makeModelFolder();
  await models.add('net', smallConvNet());
});
afterAll(() => models.remove());

describe('the command line', () => {
  it.each([
    ['no models', [], /^error\[options-invalid\]: .*--models/],
    ['an unknown option', ['--models', '.', '--speed', '9'], /--speed/],
    ['a number that is none', ['--models', '.', '--threads', 'two'], /threads/],
    ['a host that others can reach', ['--listen', '0.0.0.0:0'], /loopback/],
    ['a folder without models', ['--models', import.meta.dirname], /holds no model/],
  ])('exits with 2 and says what to do for %s', async (what, given, message) => {
    const argv =
      what === 'a host that others can reach'
        ? ['--models', models.path, '--log-level', 'silent', ...given]
        : given;
    const { code, errors } = await run(argv);
    expect(errors).toMatch(message);
    expect(errors).toMatch(/^error\[options-invalid\]: .*--help/);
    expect(code).toBe(2);
  });

  it('exits with 1 when the broker is not there', async () => {
    const { code, errors } = await run([
      '--models',
      models.path,
      '--log-level',
      'silent',
      '--broker',
      'mqtt://127.0.0.1:1',
    ]);
    expect(errors).toMatch(/^error\[broker-unreachable\]: .*127\.0\.0\.1:1/);
    expect(code).toBe(1);
  });

  it('shows its help', async () => {
    const { code, out } = await run(['--help']);
    expect(out).toContain('CUTPOINT_MODELS');
    expect(code).toBe(0);
  });
});

async function run(argv: readonly string[]) {
  let [out, errors] = ['', ''];
  const code = await runProgram({
    argv,
    writeOut: (text) => {
      out += text;
    },
    writeError: (text) => {
      errors += text;
    },
    stopRequested: () => new Promise(() => {}),
  });
  return { code, out, errors };
}
