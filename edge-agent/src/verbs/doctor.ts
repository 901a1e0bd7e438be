/** `cutpoint-edge doctor`: what is wrong with this device, and what to do about it. */

import { SplitError } from '@cutpoint/sdk';
import { renderTable } from '@cutpoint/sdk/report';
import { CHECK_NAMES, type CheckName, examine } from '../doctor/examine.ts';
import { type Finding, severityOf } from '../doctor/finding.ts';
import { type AddVerb, addConfigFlags, type ConfigFlags, configOf } from './verb.ts';

interface Flags extends ConfigFlags {
  readonly json?: boolean;
  readonly clock?: string;
  readonly only?: readonly string[];
}

export const doctorVerb: AddVerb = (program, _version, choose) => {
  addConfigFlags(program.command('doctor'))
    .description(
      'look at machine, runtime, disk, certificates, broker and gateway, and say what to do; exit code by severity',
    )
    .option('--clock <url>', 'a web server whose time this machine should have')
    .option('--only <check...>', `some of ${CHECK_NAMES.join(', ')}`)
    .option('--json', 'the findings as JSON')
    .action((flags: Flags) => {
      choose(async (world) => {
        const findings = await examine(await configOf(flags), {
          clockUrl: flags.clock,
          only: checksNamed(flags.only),
        });
        world.writeOut(flags.json ? `${JSON.stringify(findings, null, 2)}\n` : findingsText(findings));
        return severityOf(findings);
      });
    });
};

function checksNamed(names: Flags['only']): readonly CheckName[] | undefined {
  const wrong = names?.find((name) => !(CHECK_NAMES as readonly string[]).includes(name));
  if (wrong === undefined) return names as readonly CheckName[] | undefined;
  throw new SplitError('options-invalid', `only is '${wrong}'; expected some of ${CHECK_NAMES.join(', ')}`);
}

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
