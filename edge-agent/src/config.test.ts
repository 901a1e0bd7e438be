import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig, parseModelFlag } from './config.ts';

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cutpoint-edge-'));
  path = join(directory, 'edge.yaml');
});
afterEach(() => rm(directory, { recursive: true }));

describe('the configuration', () => {
  it('reads YAML, with paths relative to the file', async () => {
    await writeFile(
      path,
      'broker: mqtt://host\nmodels:\n  det: det.onnx\n  rec: {path: /abs/rec.onnx, deadlineMs: 500}\n',
    );
    const config = await loadConfig({ path, flags: {} });
    expect(config).toMatchObject({
      broker: 'mqtt://host',
      listen: { host: '127.0.0.1', port: 8080 },
      state: join(directory, '.cutpoint'),
      socket: join(directory, '.cutpoint/edge.sock'),
      drainMs: 10_000,
      logLevel: 'info',
    });
    expect(config.models).toEqual({
      det: { path: join(directory, 'det.onnx') },
      rec: { path: '/abs/rec.onnx', deadlineMs: 500 },
    });
  });

  it('needs no file, and lets flags win over one', async () => {
    const flags = { broker: 'mqtt://flag', models: parseModelFlag('a=x.onnx,b=y.onnx'), listen: undefined };
    await writeFile(path, 'broker: mqtt://file\nmodels: {c: z.onnx}\n');
    const config = await loadConfig({ path, flags });
    expect(config).toMatchObject({
      broker: 'mqtt://flag',
      models: { a: { path: resolve('x.onnx') }, b: {} },
    });
    const { models, broker } = await loadConfig({ flags });
    expect({ models, broker }).toEqual({ models: config.models, broker: config.broker });
  });

  it.each([
    ['no broker', 'models: {a: x.onnx}', /broker/],
    ['a broker that is no URL', 'broker: mqtt://host:port\nmodels: {a: x.onnx}', /broker: expected a URL/],
    ['no models', 'broker: mqtt://host\nmodels: {}', /expected at least one model/],
    ['an unknown key', 'broker: mqtt://host\nmodels: {a: x.onnx}\nbrokr: 1', /brokr/],
    [
      'an address that others can reach',
      'broker: mqtt://host\nmodels: {a: x.onnx}\nlisten: 0.0.0.0:80',
      /no login/,
    ],
    ['a window that is none', 'broker: mqtt://host\nmodels: {a: x.onnx}\nupdates: {window: 2-5}', /HH:MM/],
    [
      'a folder to watch for no model',
      'broker: mqtt://host\nmodels: {a: x.onnx}\nwatch: {folder: in, model: b}',
      /watch\.model/,
    ],
    [
      'a folder to watch without a name on the broker',
      'broker: mqtt://host\nmodels: {a: x.onnx}\nwatch: {folder: in, model: a}',
      /watch needs device/,
    ],
    ['a deadline that is none', 'broker: mqtt://host\nmodels: {a: {path: x, deadlineMs: -1}}', /models\.a/],
    ['text that is not YAML', 'broker: [', /is not YAML/],
    ['a list', '- a', /broker/],
    ['nothing', '', /expected a map/],
  ])('is refused for %s', async (_what, text, message) => {
    await writeFile(path, text);
    const refused = loadConfig({ path, flags: {} });
    await expect(refused).rejects.toMatchObject({
      code: 'options-invalid',
      message: expect.stringMatching(message),
    });
  });

  it('says which file is missing', async () => {
    await expect(loadConfig({ path, flags: {} })).rejects.toThrow(path);
  });

  it.each(['a', '=x.onnx', 'a='])('refuses the model flag %s', (flag) => {
    expect(() => parseModelFlag(flag)).toThrow(expect.objectContaining({ code: 'options-invalid' }));
  });
});
