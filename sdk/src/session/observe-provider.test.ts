import { expect, it } from 'vitest';
import { createOrtNode } from '../runtime/ort-node.ts';
import { observeProvider } from './observe-provider.ts';

it('a runtime on the CPU is seen to be on the CPU', async () => {
  const runtime = await createOrtNode({ threads: 1 });
  expect(await observeProvider(runtime)).toBe('cpu');
  await runtime.close();
});
