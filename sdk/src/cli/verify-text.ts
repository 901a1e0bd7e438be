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
    ...tables(run.verdicts, settings, colours),
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
  const pairs = verdicts.filter(({ to }) => to !== undefined).length;
  const cuts = verdicts.length - pairs;
  const all = `${cuts === 1 ? 'its one cut' : `all ${cuts} cuts`}${pairs === 0 ? '' : ` and ${pairs} ${pairs === 1 ? 'pair' : 'pairs'} of them`}`;
  if (exact === verdicts.length)
    return `Exact: head and tail equal the whole of ${file} bit for bit at ${all} (${how}).`;
  const of = `${cuts} cuts${pairs === 0 ? '' : ` and ${pairs} pairs of cuts`} of ${file}`;
  if (wrong === 0) {
    const worst = Math.max(...verdicts.map(({ relative }) => relative));
    return `Equal within ${tolerance}: of ${of}, ${exact} are exact, the others differ by ${worst.toExponential(1)} at most (${how}).`;
  }
  return `WRONG: ${wrong} of ${of} differ by more than ${tolerance} (${how}).`;
}

function tables(verdicts: readonly Verdict[], settings: VerifySettings, colours: boolean): readonly string[] {
  const [once, twice] = [false, true].map((isPair) =>
    verdicts.filter(({ to }) => (to !== undefined) === isPair),
  );
  return [
    ...(once?.length ? [verdictTable(once, settings, colours)] : []),
    ...(twice?.length ? [pairTable(twice, settings, colours)] : []),
  ];
}

/** The first cut, and the one behind which the device goes on. */
function pairTable(verdicts: readonly Verdict[], { tolerance }: VerifySettings, colours: boolean): string {
  const [depth, sends] = [
    { title: 'depth', unit: '%' },
    { title: 'sends', unit: 'KB' },
  ];
  const columns = [
    depth,
    'first cut',
    sends,
    depth,
    'second cut',
    { title: 'back', unit: 'KB' },
    'difference',
  ];
  const half = (cut: Verdict['cut']): Cell[] => [
    depthPercent(cut),
    cut.id,
    cut.bytes === null ? undefined : cut.bytes / 1000,
  ];
  const rows = verdicts.map((verdict): Cell[] => [
    ...half(verdict.cut),
    ...(verdict.to ? half(verdict.to) : []),
    differenceText(verdict, tolerance),
  ]);
  return renderTable(columns, rows, { colours });
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
  return verdicts.flatMap(({ cut, to, failure }) =>
    failure
      ? [
          `cut ${cut.id}${to ? ` to ${to.id}` : ''} failed: [${failure.code}] ${shownName(failure.message).slice(0, 300)}`,
        ]
      : [],
  );
}
