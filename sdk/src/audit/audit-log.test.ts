import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { generateSigningKeys, readPrivateKey, readTrustedKeys } from '../bundle/signing-keys.ts';
import { openAuditLog } from './audit-log.ts';
import type { AuditEvent } from './entry.ts';
import { headPath } from './head-file.ts';
import { verifyAuditLog } from './verify-log.ts';

const folder = mkdtempSync(join(tmpdir(), 'audit-'));
afterAll(() => rmSync(folder, { recursive: true }));
let count = 0;
const freshPath = () => join(folder, `log-${count++}.jsonl`);

const event = (i: number): AuditEvent => ({
  kind: 'cut-change',
  actor: 'camera-1',
  details: { from: `cut-${i}`, to: `cut-${i + 1}`, cause: 'link', 'say "é"': i % 2 === 0 },
});

async function written(entries: number, keys?: ReturnType<typeof generateSigningKeys>) {
  const path = freshPath();
  const log = await openAuditLog(path, keys && { key: readPrivateKey(keys.privateKey) });
  await Promise.all(Array.from({ length: entries }, (_, i) => log.append(event(i))));
  await log.close();
  return { path, head: log.head };
}

describe('an audit log', () => {
  it('is whole when it was only appended to, also over several openings', async () => {
    const { path } = await written(5);
    const log = await openAuditLog(path);
    await log.append(event(9));
    await log.close();
    const kinds: number[] = [];
    const verdict = await verifyAuditLog(path, { onEntry: ({ sequence }) => kinds.push(sequence) });
    expect(verdict).toMatchObject({ isWhole: true, entries: 6, endKnownBy: 'head file' });
    expect(kinds).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('is whole at every moment while a program writes to it', async () => {
    const keys = generateSigningKeys();
    const path = freshPath();
    const log = await openAuditLog(path, { key: readPrivateKey(keys.privateKey) });
    const trusted = readTrustedKeys(keys.publicKey);
    await log.append(event(0));
    let left = 200;
    const writing = (async () => {
      for (; left > 0; left--) await log.append(event(left));
    })();
    const faults = [];
    while (left > 0) faults.push((await verifyAuditLog(path, { trusted })).fault);
    await writing;
    await log.close();
    expect(faults.length).toBeGreaterThan(0);
    expect(faults.filter((fault) => fault !== undefined)).toEqual([]);
  });

  it('shows any edit of any byte, any line taken out, doubled or moved', async () => {
    const { path } = await written(6);
    const text = readFileSync(path, 'utf8');
    const lines = text.trimEnd().split('\n');
    const edits = fc.oneof(
      fc
        .record({ at: fc.nat(text.length - 2), character: fc.constantFrom('0', 'a', '"', ' ', '}') })
        .map(({ at, character }) =>
          text[at] === '\n' ? text : text.slice(0, at) + character + text.slice(at + 1),
        ),
      fc.nat(lines.length - 1).map((i) => `${lines.toSpliced(i, 1).join('\n')}\n`),
      fc.nat(lines.length - 1).map((i) => `${lines.toSpliced(i, 0, lines[i] as string).join('\n')}\n`),
      fc.tuple(fc.nat(lines.length - 1), fc.nat(lines.length - 1)).map(([a, b]) => {
        const moved = lines.toSpliced(a, 1);
        return `${moved.toSpliced(b, 0, lines[a] as string).join('\n')}\n`;
      }),
    );
    await fc.assert(
      fc.asyncProperty(edits, async (edited) => {
        writeFileSync(path, edited);
        expect((await verifyAuditLog(path)).isWhole).toBe(edited === text);
      }),
      { numRuns: 300 },
    );
  });

  it('shows that its end was cut off, by the file beside it', async () => {
    const { path } = await written(4);
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    writeFileSync(path, `${lines.slice(0, 3).join('\n')}\n`);
    const { fault } = await verifyAuditLog(path);
    expect(fault?.what).toBe('ends after entry 3; entry 4 was written and is gone');
  });

  it('shows a cut end whose head file was made to fit, where the head is signed or was kept elsewhere', async () => {
    const keys = generateSigningKeys();
    const trusted = readTrustedKeys(keys.publicKey);
    const { path, head } = await written(4, keys);
    expect(await verifyAuditLog(path, { trusted })).toMatchObject({
      isWhole: true,
      endKnownBy: 'signed head file',
    });
    const shorter = await written(3);
    writeFileSync(path, readFileSync(shorter.path));
    writeFileSync(headPath(path), readFileSync(headPath(shorter.path)));
    expect(await verifyAuditLog(path)).toMatchObject({ isWhole: true });
    expect((await verifyAuditLog(path, { trusted })).fault?.what).toMatch(/no trusted key/);
    expect((await verifyAuditLog(path, { expected: head })).fault?.what).toMatch(
      /entry 4 was written and is gone/,
    );
  });

  it('goes on after a power cut in the middle of a line, and between the line and the head', async () => {
    const { path } = await written(3);
    const head = readFileSync(headPath(path));
    const log = await openAuditLog(path);
    await log.append(event(3));
    await log.close();
    writeFileSync(headPath(path), head);
    appendFileSync(path, '{"sequence":5,"at":"20');
    const again = await openAuditLog(path);
    expect(again.head.sequence).toBe(4);
    await again.append(event(5));
    await again.close();
    expect(await verifyAuditLog(path)).toMatchObject({ isWhole: true, entries: 5 });
  });

  it('does not go on where something else is wrong', async () => {
    const { path } = await written(3);
    writeFileSync(path, readFileSync(path, 'utf8').replace('cut-1', 'cut-7'));
    await expect(openAuditLog(path)).rejects.toMatchObject({
      code: 'options-invalid',
      message: expect.stringContaining('line 1: was changed after it was written'),
    });
  });

  it('refuses an entry that is too large, and anything after it was closed', async () => {
    const log = await openAuditLog(freshPath());
    const large: AuditEvent = { ...event(0), details: { text: 'x'.repeat(40_000) } };
    await expect(log.append(large)).rejects.toMatchObject({ code: 'options-invalid' });
    await log.append(event(1));
    await log.close();
    await log.close();
    await expect(log.append(event(2))).rejects.toMatchObject({ code: 'closed' });
  });
});
