/** Times against an objective: a row for each thing, a bar from its median to its 99th percentile, a mark at the 95th, and a line where the objective is. */
import { escapeHtml } from './html.ts';
import { logScale } from './scale.ts';
import { formatNumber } from './table.ts';

export interface ObjectiveRow {
  readonly name: string;
  readonly p50Ms?: number | undefined;
  readonly p95Ms: number;
  readonly p99Ms?: number | undefined;
  /** Drawn in the cloud's colour, the edge's, or that of a cut. */
  readonly kind: 'device' | 'cloud' | 'split';
}

export interface ObjectiveChart {
  /** What the chart shows, for those who do not see it. */
  readonly description: string;
  readonly objectiveMs: number;
  readonly groups: readonly { readonly heading: string; readonly rows: readonly ObjectiveRow[] }[];
}

const [WIDTH, LEFT, RIGHT] = [960, 260, 850];
const [ROW, GROUP, TOP, FOOT] = [24, 32, 26, 34];
const MOST_NAME = 36;

export function objectiveChart({ description, objectiveMs, groups }: ObjectiveChart): string {
  const rows = groups.flatMap((group) => group.rows);
  const values = rows.flatMap((row) => [row.p50Ms ?? row.p95Ms, row.p99Ms ?? row.p95Ms]);
  const finite = [...values, objectiveMs].filter((value) => Number.isFinite(value) && value > 0);
  const place = logScale([Math.min(...finite) * 0.9, Math.max(...finite) * 1.1], [LEFT, RIGHT]);
  const height = TOP + rows.length * ROW + groups.length * GROUP + FOOT;
  let top = TOP;
  const drawn = groups.map(({ heading, rows: own }) => {
    const title = `<text class="strong" x="0" y="${top + 20}">${escapeHtml(heading)}</text>`;
    const lines = own.map((row, i) => drawRow(row, top + GROUP + i * ROW, place, objectiveMs));
    top += GROUP + own.length * ROW;
    return title + lines.join('');
  });
  const line = place(objectiveMs).toFixed(1);
  const ticks = ticksBetween(Math.min(...finite), Math.max(...finite))
    .map((value) => {
      const x = place(value).toFixed(1);
      return `<line class="grid" x1="${x}" x2="${x}" y1="${TOP}" y2="${height - FOOT}"/><text x="${x}" y="${height - 14}" text-anchor="middle">${formatNumber(value)} ms</text>`;
    })
    .join('');
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escapeHtml(description)}">${ticks}
<line x1="${line}" x2="${line}" y1="${TOP - 6}" y2="${height - FOOT}" stroke="var(--ink)" stroke-width="2" stroke-dasharray="5 4"/>
<text class="strong" x="${line}" y="${TOP - 11}" text-anchor="middle">objective ${formatNumber(objectiveMs)} ms</text>
${drawn.join('\n')}</svg>`;
}

const COLOURS = { device: 'var(--edge)', cloud: 'var(--cloud)', split: 'var(--product)' } as const;

function drawRow(
  { name, p50Ms, p95Ms, p99Ms, kind }: ObjectiveRow,
  top: number,
  place: (value: number) => number,
  objectiveMs: number,
): string {
  const y = top + 10;
  const short = name.length > MOST_NAME ? `${name.slice(0, MOST_NAME - 1)}…` : name;
  const label = `<text x="${LEFT - 12}" y="${top + 14}" text-anchor="end">${escapeHtml(short)}</text>`;
  if (!Number.isFinite(p95Ms)) return `${label}<text x="${LEFT}" y="${top + 14}">no requests</text>`;
  const bar =
    p50Ms === undefined || p99Ms === undefined
      ? ''
      : `<line x1="${place(p50Ms).toFixed(1)}" x2="${place(p99Ms).toFixed(1)}" y1="${y}" y2="${y}" stroke="${COLOURS[kind]}" stroke-width="6" opacity=".4"/>`;
  const missed = p95Ms > objectiveMs;
  const mark = `<circle cx="${place(p95Ms).toFixed(1)}" cy="${y}" r="6" fill="${missed ? 'var(--paper)' : COLOURS[kind]}" stroke="${COLOURS[kind]}" stroke-width="2.5"/>`;
  const end = place(Math.max(p95Ms, p99Ms ?? 0)) + 12;
  return `${label}${bar}${mark}<text x="${end.toFixed(1)}" y="${top + 14}">${formatNumber(p95Ms)} ms${missed ? ', missed' : ''}</text>`;
}

/** Round numbers, more of them where few fit in. */
function ticksBetween(least: number, most: number): readonly number[] {
  const from = Math.floor(Math.log10(least));
  const to = Math.ceil(Math.log10(most));
  const marks = (steps: readonly number[]) =>
    Array.from({ length: to - from + 1 }, (_, i) => steps.map((n) => n * 10 ** (from + i)))
      .flat()
      .filter((value) => value >= least && value <= most);
  const few = marks([1, 2, 5]);
  return few.length > 2 ? few : marks([1, 1.5, 2, 2.5, 3, 4, 5, 6, 8]);
}
