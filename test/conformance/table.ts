/** table.md: what came of every case, one a line, so that a change shows as a change of lines. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CaseResult } from './check-case.ts';

const PATH = join(import.meta.dirname, 'table.md');

const HEAD = `# ONNX backend cases

Every case of Debian's libonnx-testdata, by \`npm run conformance -- --write\`. **passed**: onnxruntime-node meets the
reference within 2e-3 and makes the same, bit for bit, of the model after our read and write, and of head and tail at
up to 32 cuts (graph optimisation \`disabled\`). **left out**: the case says nothing about Cutpoint, or cannot be cut;
the reason is given.

| case | result | cuts | wrong | reason |
|---|---|---|---|---|
`;

export function writeTable(results: readonly CaseResult[]): void {
  const rows = results.map(({ name, result, cuts, wrong, reason = '' }) =>
    [name, result, cuts, wrong, withoutBars(reason)].join(' | '),
  );
  writeFileSync(PATH, `${HEAD}${rows.map((row) => `| ${row} |\n`).join('')}`);
}

export function readTable(): CaseResult[] {
  const lines = readFileSync(PATH, 'utf8').slice(HEAD.length).trimEnd().split('\n');
  return lines.map((line) => {
    const [name = '', result = '', cuts, wrong, reason] = line.slice(2, -2).split(' | ');
    return {
      name,
      result: result as CaseResult['result'],
      cuts: Number(cuts),
      wrong: Number(wrong),
      ...(reason && { reason }),
    };
  });
}

function withoutBars(text: string): string {
  return text.replaceAll('|', '/');
}
