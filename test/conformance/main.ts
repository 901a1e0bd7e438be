/**
 * Checks every case of libonnx-testdata and prints what came of it. Exit code 1 where one failed.
 *   npm run conformance [-- --json] [-- --write] [-- NAME ...]     --write renews table.md
 */
import { parseArgs } from 'node:util';
import { hasTestData, listCases } from './cases.ts';
import type { CaseResult } from './check-case.ts';
import { runCases } from './run-cases.ts';
import { writeTable } from './table.ts';

const { values: flags, positionals } = parseArgs({
  options: { json: { type: 'boolean' }, write: { type: 'boolean' } },
  allowPositionals: true,
});
if (!hasTestData()) {
  console.error('error: no test data. Install it with: apt-get install libonnx-testdata');
  process.exit(1);
}
const names = listCases().filter(
  (name) => positionals.length === 0 || positionals.some((part) => name.includes(part)),
);
const results = await runCases(names, { onResult: progressOf(names.length) });
for (const { name, reason } of results.filter(({ result }) => result === 'failed'))
  console.error(`failed ${name}: ${reason}`);
if (flags.write) writeTable(results);
const figures = {
  cases: results.length,
  passed: count(results, 'passed'),
  leftOut: count(results, 'left out'),
  cutsChecked: results.reduce((sum, { cuts }) => sum + cuts, 0),
  cutsWrong: results.reduce((sum, { wrong }) => sum + wrong, 0),
};
if (!flags.json) console.table(figures);
console.log(JSON.stringify({ suite: 'conformance', figures }));
process.exitCode = count(results, 'failed') > 0 ? 1 : 0;

function count(all: readonly CaseResult[], wanted: CaseResult['result']): number {
  return all.filter(({ result }) => result === wanted).length;
}

/** A line every hundred cases, on stderr: the last line of stdout is for programs. */
function progressOf(total: number): () => void {
  let done = 0;
  return () => {
    done++;
    if (done % 100 === 0) console.error(`${done} of ${total} cases`);
  };
}
