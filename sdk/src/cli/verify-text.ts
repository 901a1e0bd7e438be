/** What `cutpoint verify` prints. */
import { type Cell, renderTable } from '../report/table.ts';
import { wrap } from '../report/wrap.ts';
import type { Verdict } from '../verify/verify-cuts.ts';
import { shownName } from './inspect-text.ts';
import { depthPercent } from './inspection.ts';

export interface Verification {
  /** The executor's name, as `--executor` takes it. */
  readonly executor: string;
  readonly verdicts: readonly Verdict[];
}

export interface VerifySettings {
  readonly file: string;
  readonly level: string;
  readonly tolerance: number;
}

export function verifyText(
  runs: readonly Verification[],
  settings: VerifySettings,
  colours: boolean,
): string {
  const parts = runs.flatMap((run) => [
    wrap(verdictLine(run, settings)),
    ...(run.verdicts.length > 0 ? [verdictTable(run.verdicts, settings, colours)] : []),
    ...failures(run.verdicts),
  ]);
  return `${parts.join('\n\n')}\n`;
}

function verdictLine(
  { executor, verdicts }: Verification,
  { file, level, tolerance }: VerifySettings,
): string {
  const exact = verdicts.filter(({ isExact }) => isExact).length;
  const wrong = verdicts.filter(({ relative }) => !(relative <= tolerance)).length;
  const how = `level ${level}, executor ${executor}`;
  if (verdicts.length === 0) return `${file} has no cut to verify: none with work on both sides is offered.`;
  if (exact === verdicts.length)
    return `Exact: head and tail equal the whole of ${file} bit for bit at ${exact === 1 ? 'its one cut' : `all ${exact} cuts`} (${how}).`;
  if (wrong === 0) {
    const worst = Math.max(...verdicts.map(({ relative }) => relative));
    return `Equal within ${tolerance}: of ${verdicts.length} cuts of ${file}, ${exact} are exact, the others differ by ${worst.toExponential(1)} at most (${how}).`;
  }
  return `WRONG: ${wrong} of ${verdicts.length} cuts of ${file} differ by more than ${tolerance} (${how}).`;
}

function verdictTable(verdicts: readonly Verdict[], { tolerance }: VerifySettings, colours: boolean): string {
  const columns = [
    { title: 'depth', unit: '%' },
    'cut',
    'tensors',
    { title: 'sends', unit: 'KB' },
    'difference',
    'largest tensor',
  ];
  const rows = verdicts.map((verdict): Cell[] => [
    depthPercent(verdict.cut),
    verdict.cut.id,
    verdict.cut.tensors.length,
    verdict.cut.bytes === null ? undefined : verdict.cut.bytes / 1000,
    differenceText(verdict, tolerance),
    shownName(verdict.cut.name),
  ]);
  return renderTable(columns, rows, { colours });
}

function differenceText({ isExact, relative, failure }: Verdict, tolerance: number): string {
  if (failure) return 'FAILED';
  if (isExact) return 'exact';
  if (!Number.isFinite(relative)) return 'WRONG';
  return `${relative.toExponential(1)}${relative > tolerance ? ' WRONG' : ''}`;
}

function failures(verdicts: readonly Verdict[]): string[] {
  return verdicts.flatMap(({ cut, failure }) =>
    failure ? [`cut ${cut.id} failed: [${failure.code}] ${shownName(failure.message).slice(0, 300)}`] : [],
  );
}
