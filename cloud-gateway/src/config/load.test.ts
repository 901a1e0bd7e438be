import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runProgram } from '../program.ts';
import { loadConfig } from './load.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-config-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function fileOf(text: string, name = 'gateway.yaml'): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

describe('the configuration', () => {
  it('takes a flag before the environment, that before the file, that before the default', async () => {
    const file = await fileOf('models: models\nthreads: 1\nmaxQueued: 2\nmaxCuts: 3\n');
    const env = { CUTPOINT_MAX_QUEUED: '20', CUTPOINT_MAX_CUTS: '30', CUTPOINT_REGION: '007' };
    const config = await loadConfig({ file, env, flags: { maxCuts: '33' } });
    expect(config).toMatchObject({ threads: 1, maxQueued: 20, maxCuts: 33, drainMs: 10_000, region: '007' });
    // Relative to the file, wherever the program was started.
    expect(config.modelsDirectory).toBe(join(folder, 'models'));
  });

  it('reads a secret from the file that the environment names, and never shows it', async () => {
    const secret = await fileOf('mqtts://gateway:hidden@broker:8883\n', 'broker');
    const config = await loadConfig({ env: { CUTPOINT_BROKER_FILE: secret }, flags: { models: 'm' } });
    expect(config.brokerUrl).toBe('mqtts://gateway:hidden@broker:8883');
    const wrong = loadConfig({ env: { CUTPOINT_BROKER: 'http://gateway:hidden@x' }, flags: { models: 'm' } });
    await expect(wrong).rejects.toThrow(/^(?!.*hidden).*broker: expected a mqtt/);
    const both = loadConfig({
      env: { CUTPOINT_BROKER_FILE: secret },
      flags: { models: 'm', listen: 'localhost:0', broker: 'mqtt://a:hidden@x' },
    });
    await expect(both).rejects.toThrow(/both set|both given/);
  });

  it.each([
    ['cuda,cpu', '0,1'],
    ['[cuda, cpu]', '[0, 1]'],
  ])('takes lists on the command line as %s and %s', async (providers, gpus) => {
    const config = await loadConfig({ env: {}, flags: { models: 'm', providers, gpus } });
    expect(config).toMatchObject({ providers: ['cuda', 'cpu'], gpus: [0, 1] });
  });

  it('lets the kind of broker that is given above replace that of the file', async () => {
    const file = await fileOf('models: m\nbroker: mqtt://elsewhere\n');
    const config = await loadConfig({ file, env: {}, flags: { listen: '127.0.0.1:0' } });
    expect(config).toMatchObject({ listen: { port: 0 } });
    expect(config.brokerUrl).toBeUndefined();
  });

  it.each([
    ['a number that is none', { CUTPOINT_THREADS: 'two' }, /threads: .*number/],
    ['a broken structure', { CUTPOINT_THREADS: '[1' }, /threads: .*number/],
    ['no models', {}, /models: expected a folder/],
  ])('says what is wrong with %s', async (_what, env, message) => {
    await expect(loadConfig({ env, flags: {} })).rejects.toMatchObject({
      code: 'options-invalid',
      message: expect.stringMatching(message),
    });
  });
});

describe('cutpoint-gateway check-config', () => {
  it('names every line that is wrong and exits with 2', async () => {
    const path = await fileOf('models: m\nthreads: 0\nspeed: 9\n');
    const { code, errors, out } = await run(['check-config', path]);
    expect(errors).toContain(`${path}:2:1: threads: `);
    expect(errors).toContain(`${path}:3:1: speed: there is no such field`);
    expect({ code, out }).toEqual({ code: 2, out: '' });
  });

  it('says where two fields exclude each other', async () => {
    const path = await fileOf('models: m\nbroker: mqtt://x\nlisten: localhost:0\n');
    expect((await run(['check-config', path])).errors).toContain(`${path}:3:1: listen: broker is given too`);
  });

  it('takes a file whose rest comes from elsewhere', async () => {
    const path = await fileOf('threads: 2\n');
    expect(await run(['check-config', path])).toEqual({
      code: 0,
      errors: '',
      out: `${path}: nothing is wrong\n`,
    });
  });

  it.each([
    ['listen: "80"\n', ':1:1: listen: expected HOST:PORT'],
    ['http: localhost\n', ':1:1: http: expected HOST:PORT'],
    ['broker: mqtt://gw:secret@broker:port\n', ':1:1: broker: is no URL'],
  ])('names an address that is none: %s', async (text, message) => {
    const { code, errors } = await run(['check-config', await fileOf(text)]);
    expect({ code, errors }).toEqual({ code: 2, errors: expect.stringContaining(message) });
    expect(errors).not.toContain('secret');
  });

  it.each([
    ['tlsCert: load.test.ts\n', 'tlsCert and tlsKey go together'],
    ['listen: 0.0.0.0:1883\n', 'listen: 0.0.0.0:1883 is not a loopback address'],
    ['devices: nothing.yaml\n', 'nothing.yaml cannot be read here'],
  ])('says what the file alone does not give: %s', async (text, doubt) => {
    const path = await fileOf(text);
    const { code, out } = await run(['check-config', path]);
    expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining(doubt) });
    expect(out).not.toContain('nothing is wrong');
  });

  it('does not start a gateway with a file that is wrong', async () => {
    const path = await fileOf('models: m\nthreads: 0\n');
    const { code, errors } = await run(['--config', path]);
    expect(errors).toContain(':2:1: threads: ');
    expect(code).toBe(2);
  });
});

async function run(argv: readonly string[]) {
  let [out, errors] = ['', ''];
  const code = await runProgram(
    {
      argv,
      writeOut: (text) => {
        out += text;
      },
      writeError: (text) => {
        errors += text;
      },
      stopRequested: () => new Promise(() => {}),
    },
    {},
  );
  return { code, out, errors };
}
