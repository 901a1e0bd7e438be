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
/** Only where a calibration measured it. */
const LOSS: Column = { title: 'loss', unit: '%' };

export function planReport(plan: Plan, { all = false, colours }: PlanReportOptions): string {
  const shown = all ? plan.arms : worthALook(plan.arms);
  const hasLoss = plan.calibration !== null;
  const columns = [...COLUMNS, ...(hasLoss ? [LOSS] : []), { title: 'best' }];
  const rows = shown.map((arm) => armRow(arm, hasLoss));
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

/** What is best somewhere, what a user would do without us, and of every cut the arm that sends least. */
export function worthALook(arms: readonly PlanEntry[]): readonly PlanEntry[] {
  const smallest = new Map<string, PlanEntry>();
  for (const arm of arms) {
    const cut = cutOf(arm);
    const rival = smallest.get(cut);
    if (!rival || arm.cost.sentBytes < rival.cost.sentBytes) smallest.set(cut, arm);
  }
  return arms.filter((arm) => arm.best !== null || arm.kind !== 'split' || smallest.get(cutOf(arm)) === arm);
}

function cutOf({ id }: PlanEntry): string {
  return id.slice(0, Math.max(0, id.indexOf('/')));
}

function armRow(arm: PlanEntry, hasLoss: boolean): Cell[] {
  const { headMs, encodeMs, sentBytes, tailMs } = arm.cost;
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
    ...(hasLoss ? [loss] : []),
    standing(arm),
  ];
}

/** Where it is best, or why it cannot be. */
export function standing({ best, excludedBy }: PlanEntry): string {
  if (excludedBy.length > 0) return `not: ${excludedBy.join(', ')}`;
  return best ? ratesText(best).replace(/^from /, '') : '';
}
