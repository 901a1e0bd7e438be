import { expect, it } from 'vitest';
import { silentLog } from './log.ts';
import { createTeardown } from './teardown.ts';

it('undoes what was started in the reverse order, once, whatever fails', async () => {
  const seen: string[] = [];
  const teardown = createTeardown(silentLog());
  teardown.push('first', async () => void seen.push('first'));
  teardown.push('failing', () => Promise.reject(new Error('stuck')));
  teardown.push('last', async () => void seen.push('last'));
  await Promise.all([teardown.run(), teardown.run()]);
  expect(seen).toEqual(['last', 'first']);
});
