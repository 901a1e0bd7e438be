/** Tables in the documents hold what the code has: error codes, options, flags. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { ERROR_CODES } from '@cutpoint/sdk';
import { describe, expect, it } from 'vitest';
import { runProgram as runGateway } from '../../cloud-gateway/src/program.ts';
import { runProgram as runEdge } from '../../edge-agent/src/program.ts';

const root = resolve(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(resolve(root, path), 'utf8');

/** Everything in backquotes in the first column of the tables under a heading. */
function firstColumn(path: string, heading: string): readonly string[] {
  const [, section = ''] = read(path).split(new RegExp(`^## ${heading}.*\\n`, 'm'));
  const [own = ''] = section.split(/^## /m);
  const cells = own
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|')[1] as string);
  return cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name as string));
}

describe('the table of error codes', () => {
  it.each([
    ['docs/lifecycle.md', 'Codes'],
    ['sdk/README.md', 'Errors'],
  ])('in %s holds every code and no other', (path, heading) => {
    expect(firstColumn(path, heading).toSorted()).toEqual([...ERROR_CODES].sort());
  });
});

describe('the README of the SDK', () => {
  it.each([
    ['Options of a session', 'sdk/src/session/options.ts', 'SplitSessionOptions'],
    ['Options of a run', 'sdk/src/session/run-arguments.ts', 'RunOptions'],
  ])('lists under "%s" what the code takes', (heading, path, name) => {
    const body = new RegExp(`export interface ${name} \\{([\\s\\S]*?)^\\}`, 'm').exec(read(path))?.[1] ?? '';
    const fields = [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, field]) => field as string);
    expect(fields.length).toBeGreaterThan(3);
    expect(firstColumn('sdk/README.md', heading).toSorted()).toEqual(fields.toSorted());
  });
});

it.each([
  ['sdk/README.md', (text: string) => text.split('## Doors')[1] ?? ''],
  ['docs/architecture.md', (text: string) => /^Doors: [\s\S]*?\n\n/m.exec(text)?.[0] ?? ''],
])('the doors in %s are those of the package', (path, part) => {
  const { exports } = JSON.parse(read('sdk/package.json')) as { exports: Record<string, unknown> };
  const doors = Object.keys(exports).filter((door) => !door.endsWith('.json'));
  const named = [...part(read(path)).matchAll(/`@cutpoint\/sdk([\w/]*)`/g)].map(([, door]) => `.${door}`);
  expect(named.toSorted()).toEqual(doors.toSorted());
});

describe('the README of a program', () => {
  it.each([
    ['cloud-gateway', runGateway, ['--help']],
    ['edge-agent', runEdge, ['run', '--help']],
  ] as const)('of %s lists the options that its help lists', async (folder, run, argv) => {
    let help = '';
    const writeOut = (text: string) => {
      help += text;
    };
    await run({ argv, writeOut, writeError: () => {}, stopRequested: () => new Promise(() => {}) });
    const flags = [...help.matchAll(/^ {2}(--[a-z-]+)/gm)].map(([, flag]) => flag as string);
    const listed = firstColumn(`${folder}/README.md`, 'Options').map((flag) => flag.split(' ')[0]);
    expect(flags.length).toBeGreaterThan(4);
    expect(listed.toSorted()).toEqual(flags.filter((flag) => flag !== '--version').toSorted());
  });
});
