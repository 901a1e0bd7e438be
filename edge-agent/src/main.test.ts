import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

it('begins on a Node that is too old, so that it can say so: no name is imported that such a Node does not have', () => {
  const main = readFileSync(new URL('./main.ts', import.meta.url), 'utf8');
  expect(main).not.toMatch(/^import \{[^}]*enableCompileCache/m);
});
