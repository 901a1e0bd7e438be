/** What `cutpoint calibrate` prints. */
import type { Cut } from '../cut/cut.ts';
import type { CalibratedArm, Calibration } from '../planner/calibration.ts';
import { L2_METRIC, TOP1_METRIC } from '../profiler/calibrate-metric.ts';
import { type Cell, type Column, formatNumber, renderTable } from '../report/table.ts';
import { wrap } from '../report/wrap.ts';
import { sizeText } from './frontier.ts';
import { shownName } from './inspect-text.ts';
import { depthPercent } from './inspection.ts';

export interface CalibrationReportOptions {
  readonly cuts: readonly Cut[];
  /** Every arm. Otherwise, where there is a budget, of each cut the smallest arm that keeps it. */
  readonly all: boolean;
  readonly colours: boolean;
}

const COLUMNS: readonly Column[] = [
  { title: 'depth', unit: '%' },
  { title: 'cut' },
  { title: 'as' },
  { title: 'sends', unit: 'KB' },
  { title: 'ratio', unit: 'x' },
  { title: 'L2', unit: '%' },
  { title: 'top-1', unit: '%' },
];
/** Only of a user's metric: the others are columns of their own. */
const LOSS: Column = { title: 'loss', unit: '%' };

export function calibrationReport(calibration: Calibration, options: CalibrationReportOptions): string {
  const { cuts, all, colours } = options;
  const shown = all || calibration.budget === null ? calibration.arms : smallestOfEach(calibration.arms);
  const columns = [
    ...COLUMNS,
    ...(hasLossColumn(calibration) ? [LOSS] : []),
    ...(calibration.budget === null ? [] : [{ title: '' }]),
  ];
  const rows = shown.map((arm) => rowOf(arm, calibration, cuts));
  const left = calibration.arms.length - shown.length;
  const notes = [
    ...(left > 0 ? [`${left} more arms: --all.`] : []),
    ...waysText(calibration),
    wrap(originText(calibration)),
  ];
  return `${[wrap(answer(calibration, cuts)), renderTable(columns, rows, { colours }), ...notes].join('\n\n')}\n`;
}

function answer({ arms, budget, metric }: Calibration, cuts: readonly Cut[]): string {
  const kept = arms.filter(({ refused }) => !refused);
  const best = smallest(kept);
  const over = arms.length - kept.length;
  const limit = budget === null ? 'Without a budget' : `Within a loss of ${percentText(budget)} (${metric})`;
  if (!best) return `${limit} no arm is left: all ${arms.length} are refused.`;
  const what = `${cutName(best, cuts)} as ${best.profile}`;
  const refusals = over > 0 ? `; ${over} of ${arms.length} arms are refused` : '';
  const [sent, raw] = [best.sentBytes, best.sentBytes * best.ratio].map((bytes) =>
    sizeText(Math.round(bytes)),
  );
  return `${limit} ${what} sends least: ${sent}, where float32 takes ${raw}${refusals}.`;
}

function waysText({ ways = [] }: Calibration): readonly string[] {
  const over = ways.filter(({ refused }) => refused).length;
  return ways.length > 0
    ? [`${ways.length} arms of more than one cut, ${over} of them refused: --json.`]
    : [];
}

function smallestOfEach(arms: readonly CalibratedArm[]): readonly CalibratedArm[] {
  const ids = [...new Set(arms.map(({ cutId }) => cutId))];
  return ids.flatMap((id) => {
    const own = arms.filter(({ cutId }) => cutId === id);
    // Where nothing is kept, the arm that comes nearest shows by how much.
    return smallest(own.filter(({ refused }) => !refused)) ?? nearest(own) ?? [];
  });
}

function smallest(arms: readonly CalibratedArm[]): CalibratedArm | undefined {
  return arms.toSorted((a, b) => a.sentBytes - b.sentBytes)[0];
}

function nearest(arms: readonly CalibratedArm[]): CalibratedArm | undefined {
  const lossOf = ({ accuracyLoss }: CalibratedArm) => accuracyLoss ?? Number.POSITIVE_INFINITY;
  return arms.toSorted((a, b) => lossOf(a) - lossOf(b))[0];
}

function hasLossColumn({ metric }: Calibration): boolean {
  return metric !== L2_METRIC.name && metric !== TOP1_METRIC.name;
}

function rowOf(arm: CalibratedArm, calibration: Calibration, cuts: readonly Cut[]): Cell[] {
  const { cutId, profile, sentBytes, ratio, error, agreement, accuracyLoss, refused } = arm;
  const cut = cuts.find(({ id }) => id === cutId);
  const percent = (share: number | null) => (share === null ? undefined : share * 100);
  return [
    cut ? depthPercent(cut) : undefined,
    cutName(arm, cuts),
    profile,
    sentBytes / 1000,
    ratio,
    percent(error),
    percent(agreement),
    ...(hasLossColumn(calibration) ? [percent(accuracyLoss)] : []),
    ...(calibration.budget === null ? [] : [refused ? 'refused' : 'kept']),
  ];
}

function cutName({ cutId }: CalibratedArm, cuts: readonly Cut[]): string {
  return shownName(cuts.find(({ id }) => id === cutId)?.name ?? cutId);
}

function originText({ inputs, metric, tables }: Calibration): string {
  const count = Object.keys(tables).length;
  const counted =
    inputs === 1
      ? 'One input: bytes are counted on what the tables were learnt from, which flatters them.'
      : `${inputs} inputs: tables are learnt from every second, bytes counted on the others.`;
  return `${counted} L2 is of the worst input, top-1 of all, the loss by ${metric}. ${count} coder tables.`;
}

function percentText(share: number): string {
  return `${formatNumber(share * 100)} %`;
}
