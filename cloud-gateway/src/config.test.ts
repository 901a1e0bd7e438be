import { describe, expect, it } from 'vitest';
import { resolveConfig } from './config.ts';

describe('resolveConfig', () => {
  it('fills in the defaults and leaves the caller’s object alone', () => {
    const options = Object.freeze({ models: '/models' });
    const config = resolveConfig(options);
    expect(config).toMatchObject({
      modelsDirectory: '/models',
      listen: { host: '127.0.0.1', port: 1883 },
      namespace: 'cutpoint',
      maxPayloadBytes: 64 * 1024 * 1024,
      drainMs: 10_000,
    });
    expect(config.id).toMatch(/^gw-[0-9a-f]{8}$/);
    expect(config).not.toHaveProperty('brokerUrl');
  });

  it('gives two gateways two ids', () => {
    expect(resolveConfig({ models: 'm' }).id).not.toBe(resolveConfig({ models: 'm' }).id);
  });

  it.each([
    ['an unknown option', { models: 'm', brokerUrl: 'mqtt://x' }],
    ['a broker that is no MQTT URL', { models: 'm', broker: 'http://x' }],
    ['an id that cannot be part of a topic', { models: 'm', id: 'gw/1' }],
    ['no threads', { models: 'm', threads: 0 }],
    ['a number that is none', { models: 'm', maxPayloadMb: Number.NaN }],
    ['both a broker and an address to listen on', { models: 'm', broker: 'mqtt://x', listen: '127.0.0.1:0' }],
    ['an address without a port', { models: 'm', listen: '127.0.0.1' }],
    ['a port out of range', { models: 'm', listen: '127.0.0.1:65536' }],
  ])('refuses %s', (_what, options) => {
    expect(() => resolveConfig(options)).toThrow(expect.objectContaining({ code: 'options-invalid' }));
  });

  it('names the option and what was expected', () => {
    expect(() => resolveConfig({ models: 'm', namespace: 'a b' })).toThrow(/namespace: expected 1 to 64/);
  });
});
