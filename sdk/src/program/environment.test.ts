import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { environmentName, readEnvironment } from './environment.ts';

const folder = mkdtempSync(join(tmpdir(), 'cutpoint-env-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('options from the environment', () => {
  it('have the name of the flag, in capitals', () => {
    expect(environmentName('maxPayloadMb')).toBe('CUTPOINT_MAX_PAYLOAD_MB');
  });

  it('come as they are, or out of a file, and only those that are known', () => {
    const path = join(folder, 'broker');
    writeFileSync(path, 'mqtts://user:p w@broker\n');
    const env = { CUTPOINT_BROKER_FILE: path, CUTPOINT_THREADS: '4', CUTPOINT_OTHER: 'x', HOME: '/' };
    expect(readEnvironment(['broker', 'threads', 'id'], env)).toEqual({
      broker: 'mqtts://user:p w@broker',
      threads: '4',
    });
  });

  it.each([
    ['given both ways', { CUTPOINT_ID: 'a', CUTPOINT_ID_FILE: '/b' }, /both/],
    ['in a file that is not there', { CUTPOINT_ID_FILE: '/nowhere/id' }, /CUTPOINT_ID_FILE: ENOENT/],
  ])('are refused when %s', (_what, env, message) => {
    expect(() => readEnvironment(['id'], env)).toThrow(
      expect.objectContaining({ code: 'options-invalid', message: expect.stringMatching(message) }),
    );
  });
});
