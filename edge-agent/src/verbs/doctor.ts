/** `cutpoint-edge doctor`: what is wrong with this device, and what to do about it. */
import { renderTable } from '@cutpoint/sdk/report';
import { examine } from '../doctor/examine.ts';
import { type Finding, severityOf } from '../doctor/finding.ts';
import { type AddVerb, addConfigFlags, type ConfigFlags, configOf } from './verb.ts';

interface Flags extends ConfigFlags {
  readonly json?: boolean;
  readonly clock?: string;
}

export const doctorVerb: AddVerb = (program, _version, choose) => {
  addConfigFlags(program.command('doctor'))
    .description(
      'look at machine, runtime, disk, certificates, broker and gateway, and say what to do; exit code by severity',
    )
    .option('--clock <url>', 'a web server whose time this machine should have')
    .option('--json', 'the findings as JSON')
    .action((flags: Flags) => {
      choose(async (world) => {
        const findings = await examine(await configOf(flags), { clockUrl: flags.clock });
        world.writeOut(flags.json ? `${JSON.stringify(findings, null, 2)}\n` : findingsText(findings));
        return severityOf(findings);
      });
    });
};

const MARKS = { ok: 'ok', warning: 'WARNING', failure: 'FAILURE' } as const;

export function findingsText(findings: readonly Finding[]): string {
  const rows = findings.map(({ check, level, what }) => [check, MARKS[level], what]);
  const advice = findings.flatMap(({ check, level, advice: text }) =>
    text === undefined ? [] : [`${MARKS[level]} ${check}: ${text}`],
  );
  return [
    renderTable(['what', '', 'found'], rows).trimEnd(),
    ...(advice.length > 0 ? ['', ...advice] : []),
    '',
  ].join('\n');
}
