/** What is checked in for readers and editors is what the code takes. `npm test -- published -u` makes it anew. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { exampleYaml } from './example.ts';
import { readConfigFile } from './load.ts';
import { configJsonSchema, OPTION_NAMES } from './schema.ts';

const root = new URL('../..', import.meta.url).pathname;

it('config.schema.json is the schema of today', async () => {
  const schema = `${JSON.stringify(configJsonSchema(), null, 2)}\n`;
  await expect(schema).toMatchFileSnapshot(`${root}config.schema.json`);
});

it('every option says what it means', () => {
  const properties = configJsonSchema().properties as Record<string, { description?: string }>;
  expect(Object.keys(properties)).toEqual(OPTION_NAMES);
  for (const name of OPTION_NAMES) expect(properties[name]?.description, name).toMatch(/\w.+\.$/);
});

it('gateway.example.yaml shows every option of today, and is right line by line', async () => {
  await expect(exampleYaml()).toMatchFileSnapshot(`${root}gateway.example.yaml`);
  const folder = await mkdtemp(join(tmpdir(), 'cutpoint-example-'));
  const path = join(folder, 'gateway.yaml');
  // Of the two that exclude each other, one.
  const text = exampleYaml({ isAllSet: true }).replace(/^listen: .*$/m, '');
  await writeFile(path, text);
  const options = await readConfigFile(path);
  expect([...Object.keys(options), 'listen'].toSorted()).toEqual(OPTION_NAMES.toSorted());
  await rm(folder, { recursive: true });
});
