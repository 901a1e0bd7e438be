import { expect, it } from 'vitest';
import { isRecentNode, requireRecentNode } from './node-version.ts';

it('takes Node from 22.12 on, and says what to do about an older one', () => {
  expect(['22.12.0', '22.13.1', '24.0.0'].filter((version) => !isRecentNode(version))).toEqual([]);
  expect(['18.20.0', '20.20.2', '22.11.9'].filter(isRecentNode)).toEqual([]);
  expect(() => requireRecentNode('20.20.2')).toThrow(
    expect.objectContaining({
      code: 'options-invalid',
      message: expect.stringContaining('install Node 22.12'),
    }),
  );
});
