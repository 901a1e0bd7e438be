/** A run over time: the link above, the arm in use in the middle, the time of each request below. */
import { escapeHtml } from './html.ts';
import { linearScale, logScale, type Scale } from './scale.ts';
import { formatNumber } from './table.ts';

export interface TraceChart {
  /** What the chart shows, for those who do not see it. */
  readonly description: string;
  readonly durationMs: number;
  /** Mbit/s, evenly spread over the time. */
  readonly rates: readonly number[];
  /** Arms that were in use, the deepest first. */
  readonly arms: readonly {
    readonly id: string;
    readonly name: string;
    readonly kind: 'device' | 'cloud' | 'split';
  }[];
  readonly stays: readonly { readonly armId: string; readonly fromMs: number; readonly toMs: number }[];
  readonly times: readonly TimedPoint[];
  /** What the best arm would have taken. */
  readonly leastTimes: readonly TimedPoint[];
}

export interface TimedPoint {
  readonly atMs: number;
  readonly ms: number;
}

const [LEFT, RIGHT, WIDTH, TOP, BAND, ROW, GAP] = [70, 760, 960, 30, 130, 18, 46];

export function traceChart(chart: TraceChart): string {
  const x = linearScale([0, chart.durationMs], [LEFT, RIGHT]);
  const armsTop = TOP + BAND + GAP;
  const timesTop = armsTop + Math.max(1, chart.arms.length) * ROW + GAP;
  const height = timesTop + BAND + 40;
  const parts = [
    linkBand(chart, x),
    armRows(chart, x, armsTop),
    timesBand(chart, x, timesTop),
    timeAxis(chart, x, timesTop + BAND),
  ];
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escapeHtml(chart.description)}">
${parts.join('\n')}
</svg>`;
}

function linkBand({ rates, durationMs }: TraceChart, x: Scale): string {
  const most = Math.max(...rates);
  const y = linearScale([0, most], [TOP + BAND, TOP]);
  const step = durationMs / rates.length;
  const path = rates.map(
    (rate, i) =>
      `${i === 0 ? 'M' : 'V'}${i === 0 ? `${at(x(0))} ` : ''}${at(y(rate))}H${at(x((i + 1) * step))}`,
  );
  return `${band(TOP, [0, most], 'uplink, Mbit/s')}<path class="frontier" d="${path.join('')}"/>`;
}

function armRows({ arms, stays }: TraceChart, x: Scale, top: number): string {
  const rowOf = new Map(arms.map(({ id }, i) => [id, arms.length - 1 - i]));
  const names = arms.map(({ id, name, kind }) => {
    const shown = name.length > 24 ? `${name.slice(0, 23)}…` : name;
    const y = top + (rowOf.get(id) ?? 0) * ROW + 12;
    return `<text class="${kind}" x="${RIGHT + 8}" y="${at(y)}">${escapeHtml(shown)}<title>${escapeHtml(name)}</title></text>`;
  });
  const kinds = new Map(arms.map(({ id, kind }) => [id, kind]));
  const bars = stays.map(({ armId, fromMs, toMs }) => {
    const kind = { device: 'head', cloud: 'tail', split: 'uplink' }[kinds.get(armId) ?? 'split'];
    const y = top + (rowOf.get(armId) ?? 0) * ROW + 3;
    const width = Math.max(0.6, x(toMs) - x(fromMs));
    return `<rect class="stage ${kind}" x="${at(x(fromMs))}" y="${at(y)}" width="${at(width)}" height="${ROW - 6}"/>`;
  });
  return [`<text x="${LEFT}" y="${top - 8}">arm in use</text>`, ...bars, ...names].join('');
}

function timesBand({ times, leastTimes }: TraceChart, x: Scale, top: number): string {
  const all = [...times, ...leastTimes].map(({ ms }) => ms).filter((ms) => ms > 0);
  const range = [Math.min(...all) * 0.9, Math.max(...all) * 1.1] as const;
  const y = logScale(range, [top + BAND, top]);
  const line = leastTimes
    .map(({ atMs, ms }, i) => `${i === 0 ? 'M' : 'L'}${at(x(atMs))} ${at(y(ms))}`)
    .join('');
  const dots = times.map(
    ({ atMs, ms }) => `<circle class="default" cx="${at(x(atMs))}" cy="${at(y(ms))}" r="1.8"/>`,
  );
  return `${band(top, range, 'time of a request, ms, log scale')}${dots.join('')}<path class="envelope cloud" style="stroke-width:1.5" d="${line}"/><text class="cloud" x="${RIGHT + 8}" y="${top + 14}">line: oracle</text><text class="strong" x="${RIGHT + 8}" y="${top + 32}">dots: controller</text>`;
}

function band(top: number, [low, high]: readonly [number, number], title: string): string {
  const label = (y: number, value: number) =>
    `<text x="${LEFT - 8}" y="${y}" text-anchor="end">${formatNumber(value)}</text>`;
  const line = (y: number) => `<line class="grid" x1="${LEFT}" x2="${RIGHT}" y1="${y}" y2="${y}"/>`;
  return [
    line(top),
    line(top + BAND),
    label(top + 4, high),
    label(top + BAND + 4, low),
    `<text x="${LEFT}" y="${top - 8}">${escapeHtml(title)}</text>`,
  ].join('');
}

function timeAxis({ durationMs }: TraceChart, x: Scale, y: number): string {
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) => share * durationMs);
  const labels = ticks.map(
    (ms) => `<text x="${at(x(ms))}" y="${y + 18}" text-anchor="middle">${formatNumber(ms / 1000)}</text>`,
  );
  return `${labels.join('')}<text x="${RIGHT}" y="${y + 34}" text-anchor="end">seconds</text>`;
}

const at = (place: number) => Number(place.toFixed(1));
