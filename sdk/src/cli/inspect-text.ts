/** What `cutpoint inspect` prints. */
import type { SurveyedCut } from '../cut/survey.ts';
import { sparkline, sparkMarks } from '../report/sparkline.ts';
import { renderTable } from '../report/table.ts';
import { wrap } from '../report/wrap.ts';
import { frontierBytes, sizeText } from './frontier.ts';
import { answer, depthPercent, type Inspection } from './inspection.ts';

export function inspectText(
  inspection: Inspection,
  { all = false }: { readonly all?: boolean },
  colours: boolean,
): string {
  const listed = inspection.cuts.filter((cut) => all || cut.isOffered);
  const parts = [wrap(answer(inspection)), picture(inspection)];
  if (listed.length > 0) parts.push(cutTable(listed, all, colours));
  if (!all) parts.push(leftOut(inspection.cuts));
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function picture({ cuts, ops }: Inspection): string {
  const bytes = frontierBytes(cuts, ops.length);
  const known = bytes.filter((size) => size !== null && size > 0) as number[];
  if (known.length < 2) return '';
  const chosen = new Set(cuts.filter(({ isCandidate }) => isCandidate).map(({ cut }) => cut.position));
  const marks = sparkMarks(
    bytes.map((_, position) => chosen.has(position)),
    '^',
  );
  const range = `${sizeText(Math.min(...known))} to ${sizeText(Math.max(...known))}`;
  return [
    `bytes that cross at each of ${ops.length} nodes, ${range}, log scale:`,
    sparkline(bytes),
    marks === '' ? '' : `${marks}  ^ default`,
  ]
    .filter((line) => line !== '')
    .join('\n');
}

function cutTable(cuts: readonly SurveyedCut[], all: boolean, colours: boolean): string {
  const columns = [
    { title: 'depth', unit: '%' },
    'cut',
    'tensors',
    { title: 'sends', unit: 'KB' },
    all ? 'offered' : 'default',
    'largest tensor',
  ];
  const rows = cuts.map(({ cut, isCandidate, isOffered, reason }) => [
    depthPercent(cut),
    cut.id,
    cut.tensors.length,
    cut.bytes === null ? undefined : cut.bytes / 1000,
    all ? (reason ?? (isOffered && isCandidate ? 'yes, default' : 'yes')) : isCandidate ? 'yes' : '-',
    shownName(cut.name),
  ]);
  return renderTable(columns, rows, { colours });
}

/** Names come from the file: control characters would reach the terminal. */
export function shownName(name: string): string {
  return name.replaceAll(/\p{Cc}/gu, '?');
}

function leftOut(cuts: readonly SurveyedCut[]): string {
  const counts = new Map<string, number>();
  for (const { reason } of cuts)
    if (reason?.startsWith('inside')) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  if (counts.size === 0) return '';
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const most = [...counts].sort(([, a], [, b]) => b - a).slice(0, 3);
  const reasons = most.map(([reason, count]) => `${count} ${reason}`).join(', ');
  return wrap(
    `Not offered: ${total} cuts through fused nodes (${reasons}${counts.size > 3 ? ', ...' : ''}). List them with --all.`,
  );
}
