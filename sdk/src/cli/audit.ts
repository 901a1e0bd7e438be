/** `cutpoint audit verify`: proves that an audit log was only ever appended to. */
import { type Command, Option } from 'commander';
import type { AuditHead } from '../audit/entry.ts';
import { type AuditVerdict, verifyAuditLog } from '../audit/verify-log.ts';
import { readTrustedKeys } from '../bundle/signing-keys.ts';
import { SplitError } from '../errors.ts';
import { readText } from './read-document.ts';
import type { ExitCode, Verb } from './verb.ts';

interface AuditFlags {
  readonly key?: string;
  readonly head?: AuditHead;
  readonly json?: boolean;
}

export const auditVerb: Verb<AuditFlags> = {
  name: 'audit',
  describe: (command: Command) =>
    void command
      .description('verify: prove that an audit log was only appended to')
      .argument('<action>', 'verify')
      .argument('<log>', 'a log that a device or a gateway wrote')
      .option('--key <file>', 'public keys in PEM that sign where the log ends')
      .addOption(
        new Option('--head <n:hash>', 'where the log ended, as somebody else wrote it down').argParser(
          readHeadFlag,
        ),
      )
      .option('--json', 'one JSON document on stdout')
      .addHelpText(
        'after',
        '\nExit code 1 where the log was changed.\n\nExample:\n  $ cutpoint audit verify audit.jsonl --key gateway.pem.pub',
      ),
  async run(action, { key, head, json }, world, [log = '']): Promise<ExitCode> {
    if (action !== 'verify')
      throw new SplitError('options-invalid', `audit ${action}: expected verify; see cutpoint audit --help`);
    const trusted = key === undefined ? undefined : readTrustedKeys(await readText(key));
    const verdict = await verifyAuditLog(log, { trusted, expected: head });
    world.writeOut(json ? `${JSON.stringify({ log, ...verdict })}\n` : verdictText(log, verdict));
    return verdict.isWhole ? 0 : 1;
  },
};

function verdictText(log: string, { isWhole, entries, head, endKnownBy, fault }: AuditVerdict): string {
  if (!isWhole) return `${log}, line ${fault?.line}: ${fault?.what}\n`;
  const end = `${head.sequence}:${head.hash}`;
  const doubt =
    endKnownBy === 'nothing' ? '; that nothing was cut off its end is not proven: give --head or --key' : '';
  return `${log}: ${entries} entries, as they were written; the end is known by ${endKnownBy}${doubt}\nhead ${end}\n`;
}

function readHeadFlag(text: string): AuditHead {
  const [, sequence, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (sequence !== undefined && hash !== undefined) return { sequence: Number(sequence), hash };
  throw new SplitError(
    'options-invalid',
    `--head ${text} is not a number, a colon and 64 hexadecimal digits`,
  );
}
