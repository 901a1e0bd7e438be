/** What `cutpoint plan` prints. */
import { planAnswer } from '../planner/plan-answer.ts';
import type { Plan, PlanEntry } from '../planner/plan-file.ts';
import { ratesText } from '../planner/win-window.ts';
import { type Cell, type Column, renderTable } from '../report/table.ts';
import { wrap } from '../report/wrap.ts';
import { shownName } from './inspect-text.ts';

export interface PlanReportOptions {
  /** Every arm, not only those worth a look. */
  readonly all?: boolean;
  readonly colours: boolean;
}

const COLUMNS: readonly Column[] = [
  { title: 'arm' },
  { title: 'as' },
  { title: 'head', unit: 'ms' },
  { title: 'pack', unit: 'ms' },
  { title: 'sends', unit: 'KB' },
  { title: 'tail', unit: 'ms' },
];
/** Only where some arm has last layers on the device. */
const LAST: readonly Column[] = [
  { title: 'back', unit: 'KB' },
  { title: 'last', unit: 'ms' },
];
/** Only where a calibration measured it. */
const LOSS: Column = { title: 'loss', unit: '%' };

export function planReport(plan: Plan, { all = false, colours }: PlanReportOptions): string {
  const shown = all ? plan.arms : worthALook(plan.arms);
  const has = { loss: plan.calibration !== null, last: shown.some(({ cost }) => cost.lastMs !== undefined) };
  const columns = [...COLUMNS, ...(has.last ? LAST : []), ...(has.loss ? [LOSS] : []), { title: 'best' }];
  const rows = shown.map((arm) => armRow(arm, has));
  const table = renderTable(columns, rows, { colours });
  const left = plan.arms.length - shown.length;
  const parts = [
    wrap(shownName(planAnswer(plan))),
    table,
    ...(left > 0 ? [`* best on some link. ${left} more arms: --all.`] : ['* best on some link.']),
    ...plan.assumptions.map((text) => wrap(`- ${shownName(text)}`)),
    `plan ${plan.hash.slice(0, 16)}`,
  ];
  return `${parts.slice(0, 3).join('\n\n')}\n\n${parts.slice(3).join('\n')}\n`;
}

/** What is best somewhere, what a user would do without us, and of every first cut the arm of each kind that sends least. */
export function worthALook(arms: readonly PlanEntry[]): readonly PlanEntry[] {
  const smallest = new Map<string, PlanEntry>();
  for (const arm of arms) {
    const cut = firstCutOf(arm);
    const rival = smallest.get(cut);
    if (!rival || bytesOf(arm) < bytesOf(rival)) smallest.set(cut, arm);
  }
  return arms.filter(
    (arm) => arm.best !== null || arm.kind !== 'split' || smallest.get(firstCutOf(arm)) === arm,
  );
}

function bytesOf({ cost: { sentBytes, receivedBytes } }: PlanEntry): number {
  return sentBytes + receivedBytes;
}

/** The first of its cuts, and what changes machines behind that. */
function firstCutOf({ id }: PlanEntry): string {
  const [place = ''] = id.split('/');
  const [first = ''] = place.split(/[->]/);
  return first + place.replace(/[^->]/g, '');
}

function armRow(arm: PlanEntry, has: { readonly loss: boolean; readonly last: boolean }): Cell[] {
  const { headMs, encodeMs, sentBytes, tailMs, receivedBytes, lastMs } = arm.cost;
  const isDevice = arm.kind === 'device';
  const profile = isDevice ? '' : arm.id.slice(arm.id.indexOf('/') + 1);
  const loss = arm.accuracyLoss === null ? undefined : arm.accuracyLoss * 100;
  return [
    `${arm.best ? '*' : ' '} ${shownName(isDevice ? arm.name : arm.name.slice(0, -` as ${profile}`.length))}`,
    profile,
    headMs,
    isDevice ? undefined : encodeMs,
    isDevice ? undefined : sentBytes / 1000,
    isDevice ? undefined : tailMs,
    ...(has.last ? [isDevice ? undefined : receivedBytes / 1000, lastMs] : []),
    ...(has.loss ? [loss] : []),
    standing(arm),
  ];
}

/** Where it is best, or why it cannot be. */
export function standing({ best, excludedBy }: PlanEntry): string {
  if (excludedBy.length > 0) return `not: ${excludedBy.join(', ')}`;
  return best ? ratesText(best).replace(/^from /, '') : '';
}
