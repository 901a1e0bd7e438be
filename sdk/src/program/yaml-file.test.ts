import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { z } from 'zod';
import { describeIssuesIn, readYamlFile } from './yaml-file.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-yaml-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function given(text: string) {
  const path = join(folder, 'given.yaml');
  await writeFile(path, text);
  return await readYamlFile(path);
}

const schema = z.strictObject({
  name: z.string(),
  limits: z.strictObject({ threads: z.int().min(1).optional() }).optional(),
  tenants: z.array(z.strictObject({ id: z.string(), share: z.number() })).optional(),
});

async function issuesOf(text: string): Promise<readonly string[]> {
  const file = await given(text);
  const parsed = schema.safeParse(file.value);
  return parsed.success
    ? []
    : describeIssuesIn(file, parsed.error).map((line) => line.slice(file.path.length + 1));
}

describe('a YAML file', () => {
  it('says line and column of every value that is wrong', async () => {
    const text =
      'name: gw\nlimits:\n  threads: many\ntenants:\n  - id: a\n    share: 1\n  - { id: 7, share: 2 }\n';
    expect(await issuesOf(text)).toEqual([
      expect.stringMatching(/^3:3: limits\.threads: .*number/),
      expect.stringMatching(/^7:7: tenants\[1\]\.id: .*string/),
    ]);
  });

  it('says where a field stands that there is not', async () => {
    expect(await issuesOf('name: gw\nlimits:\n  thread: 2\nspeed: 9\n')).toEqual([
      '3:3: limits.thread: there is no such field',
      '4:1: speed: there is no such field',
    ]);
  });

  it('says of what is missing where it belongs', async () => {
    expect(await issuesOf('tenants:\n  - id: a\n')).toEqual([
      expect.stringMatching(/^1:1: name: /),
      expect.stringMatching(/^2:5: tenants\[0\]\.share: /),
    ]);
    expect(await issuesOf('')).toEqual([expect.stringMatching(/^1:1: name: /)]);
  });

  it.each([
    ['no YAML', 'name: [1, 2\nthreads: 4\n', /given\.yaml:\d+:\d+: /],
    ['a key twice', 'name: a\nname: b\n', /given\.yaml:2:1: .*unique/],
    [
      'aliases that explode',
      `a: &a [1,1,1,1,1,1,1,1,1]\n${[...'bcdefg'].map((letter, i) => `${letter}: &${letter} [${`*${'abcdef'[i]},`.repeat(9)}1]`).join('\n')}\n`,
      /given\.yaml: .*alias/,
    ],
  ])('refuses %s', async (_what, text, message) => {
    await expect(given(text)).rejects.toMatchObject({
      code: 'options-invalid',
      message: expect.stringMatching(message),
    });
  });

  it('refuses a file that is not there', async () => {
    await expect(readYamlFile(join(folder, 'none.yaml'))).rejects.toMatchObject({ code: 'options-invalid' });
  });

  it('finds the place of every value of any document', async () => {
    const leaf = fc.oneof(fc.integer(), fc.boolean(), fc.stringMatching(/^[a-z ]{0,8}$/));
    const key = fc.stringMatching(/^[a-z]{1,6}$/);
    const tree = fc.letrec((tie) => ({
      node: fc.oneof(
        { maxDepth: 3 },
        leaf,
        fc.dictionary(key, tie('node'), { minKeys: 1, maxKeys: 4 }),
        fc.array(tie('node'), { minLength: 1, maxLength: 3 }),
      ),
    }));
    const document = fc.dictionary(key, tree.node, { minKeys: 1, maxKeys: 4 });
    const property = fc.asyncProperty(document, async (value) => {
      const text = stringify(value, { aliasDuplicateObjects: false });
      const file = await given(text);
      const lines = text.split('\n');
      for (const at of pathsOf(value)) {
        const [, line, column] = /:(\d+):(\d+)$/.exec(file.placeOf(at)) ?? [];
        const there = lines[Number(line) - 1]?.slice(Number(column) - 1) ?? '';
        const last = at.at(-1);
        if (typeof last === 'string')
          expect(there.startsWith(last) || there.startsWith(`"${last}"`)).toBe(true);
        else expect(there.length).toBeGreaterThan(0);
      }
    });
    await fc.assert(property, { numRuns: 100 });
  });
});

function pathsOf(value: unknown): (string | number)[][] {
  if (typeof value !== 'object' || value === null) return [];
  const entries: [string | number, unknown][] = Array.isArray(value)
    ? [...value.entries()]
    : Object.entries(value);
  return entries.flatMap(([key, inner]) => [[key], ...pathsOf(inner).map((rest) => [key, ...rest])]);
}
