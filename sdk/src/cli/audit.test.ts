import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCutpoint } from '../../../test/support/run-cutpoint.ts';
import { openAuditLog } from '../audit/audit-log.ts';

const folder = mkdtempSync(join(tmpdir(), 'audit-cli-'));
const path = join(folder, 'audit.jsonl');
let head = '';
beforeAll(async () => {
  const log = await openAuditLog(path);
  for (const to of ['a', 'b']) await log.append({ kind: 'model-change', actor: 'gw', details: { to } });
  await log.close();
  head = `${log.head.sequence}:${log.head.hash}`;
});
afterAll(() => rmSync(folder, { recursive: true }));

it('says that a log is whole, and where it ends', async () => {
  const { code, out } = await runCutpoint('audit', 'verify', path);
  expect([code, out]).toEqual([0, expect.stringContaining(`head ${head}`)]);
  expect((await runCutpoint('audit', 'verify', path, '--head', head, '--json')).out).toContain(
    '"endKnownBy":"expected head"',
  );
});

it('ends with 1 and names the line where it was changed', async () => {
  const changed = join(folder, 'changed.jsonl');
  writeFileSync(changed, readFileSync(path, 'utf8').replace('"b"', '"c"'));
  const { code, out } = await runCutpoint('audit', 'verify', changed);
  expect([code, out]).toEqual([1, expect.stringContaining('line 2: was changed after it was written')]);
});

it.each([
  [['audit', 'mend', path], /expected verify/],
  [['audit', 'verify', path, '--head', '3'], /64 hexadecimal/],
  [['audit', 'verify', join(folder, 'none')], /cannot read/],
] as const)('says what is wrong with %j', async (argv, message) => {
  const { code, error } = await runCutpoint(...argv);
  expect(code).toBe(2);
  expect(error).toMatch(message);
});
