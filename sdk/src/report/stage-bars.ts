/** Where the time of a request goes: a bar an arm, a piece a stage, in the colours that stages have on every page. */
import { escapeHtml } from './html.ts';
import { formatNumber } from './table.ts';

export type Stage = 'head' | 'encode' | 'uplink' | 'queue' | 'tail' | 'downlink' | 'decode' | 'last';

/** In the order in which they happen. */
export const STAGES: readonly Stage[] = [
  ...(['head', 'encode', 'uplink', 'queue', 'tail', 'downlink', 'decode'] as const),
  'last',
];

export interface StageBar {
  readonly name: string;
  readonly ms: Readonly<Record<Stage, number>>;
  /** Drawn stronger. */
  readonly isBest: boolean;
}

export interface StageGroup {
  /** `at 2 Mbit/s`. */
  readonly heading: string;
  readonly bars: readonly StageBar[];
}

export interface StageBars {
  /** What the bars show, for those who do not see them. */
  readonly description: string;
  readonly groups: readonly StageGroup[];
}

const [LEFT, RIGHT, WIDTH, ROW, BAR, GROUP] = [270, 860, 960, 24, 16, 30];
const LEGEND = 30;

/** An `<svg>`; bars of one group share a scale. */
export function stageBars({ description, groups }: StageBars): string {
  let top = LEGEND;
  const parts = groups.map((group) => {
    const drawn = drawGroup(group, top);
    top += GROUP + group.bars.length * ROW;
    return drawn;
  });
  return `<svg viewBox="0 0 ${WIDTH} ${top + 8}" role="img" aria-label="${escapeHtml(description)}">
${[legend(groups), ...parts].join('\n')}
</svg>`;
}

/** Bars of many times the shortest would leave nothing of the others: they run out at the right. */
const MOST_TIMES = 5;

function drawGroup({ heading, bars }: StageGroup, top: number): string {
  const totals = bars.map(totalOf);
  const mostMs = Math.max(Number.MIN_VALUE, Math.min(Math.max(...totals), MOST_TIMES * Math.min(...totals)));
  const rows = bars.map((bar, index) => drawBar(bar, top + GROUP + index * ROW, (RIGHT - LEFT) / mostMs));
  return `<text class="strong" x="0" y="${top + 20}">${escapeHtml(heading)}</text>${rows.join('')}`;
}

function drawBar(bar: StageBar, top: number, pixelsPerMs: number): string {
  let left = LEFT;
  const pieces = STAGES.map((stage) => {
    const width = Math.min(bar.ms[stage] * pixelsPerMs, RIGHT - left);
    const piece = `<rect class="stage ${stage}" x="${at(left)}" y="${top}" width="${at(width)}" height="${BAR}"><title>${stage} ${formatNumber(bar.ms[stage])} ms</title></rect>`;
    left += width;
    return width > 0 ? piece : '';
  });
  const strong = bar.isBest ? ' class="strong"' : '';
  const name = bar.name.length > 38 ? `${bar.name.slice(0, 37)}…` : bar.name;
  return `<text${strong} x="${LEFT - 10}" y="${top + 13}" text-anchor="end">${escapeHtml(name)}</text>${pieces.join('')}<text${strong} x="${at(left + 6)}" y="${top + 13}">${left >= RIGHT && totalOf(bar) * pixelsPerMs > RIGHT - LEFT + 1 ? '» ' : ''}${formatNumber(totalOf(bar))} ms</text>`;
}

function totalOf({ ms }: StageBar): number {
  return STAGES.reduce((sum, stage) => sum + ms[stage], 0);
}

/** Few plans have last layers on the device. */
function legend(groups: readonly StageGroup[]): string {
  const hasLast = groups.some(({ bars }) => bars.some(({ ms }) => ms.last > 0));
  return STAGES.filter((stage) => stage !== 'last' || hasLast)
    .map((stage, index) => {
      const left = LEFT + index * 84;
      return `<rect class="stage ${stage}" x="${left}" y="6" width="11" height="11"/><text x="${left + 16}" y="16">${stage}</text>`;
    })
    .join('');
}

const at = (place: number) => Number(place.toFixed(1));
