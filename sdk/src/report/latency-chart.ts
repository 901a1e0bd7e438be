/** Latency against bandwidth, both on log scales: every arm thin, the best one on each link thick, names at the lines. */
import { escapeHtml } from './html.ts';
import { placeLabels } from './place-labels.ts';
import { decades, logScale, type Scale } from './scale.ts';

export type ArmKind = 'device' | 'cloud' | 'split';

export interface LatencyCurve {
  readonly name: string;
  readonly kind: ArmKind;
  /** Latency in milliseconds is `fixedMs + 8000 / bitsPerSecond * bytes`. */
  readonly fixedMs: number;
  readonly bytes: number;
  /** Ranges of links on which it is the best, in bits per second. */
  readonly best: readonly { readonly from: number; readonly to: number }[];
}

export interface LatencyChart {
  /** What the chart shows, for those who do not see it. */
  readonly description: string;
  readonly curves: readonly LatencyCurve[];
  readonly fromBitsPerSecond: number;
  readonly toBitsPerSecond: number;
  readonly rateText: (bitsPerSecond: number) => string;
}

const [LEFT, RIGHT, TOP, BOTTOM, WIDTH, HEIGHT] = [70, 750, 30, 400, 960, 450];
const POINTS = 48;

interface Frame {
  readonly x: Scale;
  readonly y: Scale;
  readonly chart: LatencyChart;
  readonly leastMs: number;
  readonly mostMs: number;
}

/** An `<svg>`. */
export function latencyChart(chart: LatencyChart): string {
  const frame = frameOf(chart);
  const parts = [
    `<clipPath id="plot"><rect x="${LEFT}" y="${TOP}" width="${RIGHT - LEFT}" height="${BOTTOM - TOP}"/></clipPath>`,
    axes(frame),
    `<g clip-path="url(#plot)">`,
    ...chart.curves.map(
      (curve) => `<path class="arm ${curve.kind}" d="${path(curve, frame)}">${tip(curve)}</path>`,
    ),
    ...chart.curves.flatMap((curve) =>
      curve.best.map(
        (range) =>
          `<path class="envelope ${curve.kind}" d="${path(curve, frame, range)}">${tip(curve)}</path>`,
      ),
    ),
    '</g>',
    turns(frame),
    labels(frame),
  ];
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(chart.description)}">
${parts.join('\n')}
</svg>`;
}

export function latencyAt(
  { fixedMs, bytes }: Pick<LatencyCurve, 'fixedMs' | 'bytes'>,
  bitsPerSecond: number,
): number {
  return fixedMs + (8000 / bitsPerSecond) * bytes;
}

/** From somewhat below the best of all to somewhat above the worst of the best: slower arms leave at the top. */
function frameOf(chart: LatencyChart): Frame {
  const { fromBitsPerSecond: from, toBitsPerSecond: to, curves } = chart;
  const best = curves.filter((curve) => curve.best.length > 0);
  const ends = best.flatMap((curve) =>
    curve.best.flatMap((range) =>
      [clamp(range.from, from, to), clamp(range.to, from, to)].map((rate) => latencyAt(curve, rate)),
    ),
  );
  const devices = curves.filter(({ kind }) => kind === 'device').map(({ fixedMs }) => fixedMs);
  const known = [...ends, ...devices].filter((ms) => ms > 0);
  const [leastMs, mostMs] = [Math.min(...known) * 0.7, Math.max(...known) * 4];
  return {
    chart,
    leastMs,
    mostMs,
    x: logScale([from, to], [LEFT, RIGHT]),
    y: logScale([leastMs, mostMs], [BOTTOM, TOP]),
  };
}

function axes({ x, y, chart, leastMs, mostMs }: Frame): string {
  const isInside = (value: number, low: number, high: number) =>
    value >= low * 0.999 && value <= high * 1.001;
  const times = steps([leastMs, mostMs]).filter((ms) => isInside(ms, leastMs, mostMs));
  const rows = times.map((ms) => {
    const height = at(y(ms));
    return `<line class="grid" x1="${LEFT}" x2="${RIGHT}" y1="${height}" y2="${height}"/>${text(LEFT - 8, height + 4, String(Number(ms.toPrecision(2))), 'end')}`;
  });
  const { fromBitsPerSecond: from, toBitsPerSecond: to, rateText } = chart;
  const columns = decades([from, to])
    .filter((rate) => isInside(rate, from, to))
    .map((rate) => {
      const place = at(x(rate));
      return `<line class="grid" x1="${place}" x2="${place}" y1="${TOP}" y2="${BOTTOM}"/>${text(place, BOTTOM + 18, rateText(rate), 'middle')}`;
    });
  return [
    ...rows,
    ...columns,
    text(LEFT, TOP - 12, 'ms of one request, log scale', 'start'),
    text(RIGHT, BOTTOM + 38, 'uplink, log scale', 'end'),
  ].join('');
}

/** 1, 2 and 5 of every decade where there are few decades. */
function steps(range: readonly [number, number]): readonly number[] {
  const tens = decades(range);
  return tens.length > 4 ? tens : tens.flatMap((ten) => [ten, 2 * ten, 5 * ten]);
}

function path(
  curve: LatencyCurve,
  { x, y, chart }: Frame,
  range?: { readonly from: number; readonly to: number },
): string {
  const { fromBitsPerSecond, toBitsPerSecond } = chart;
  const from = clamp(range?.from ?? 0, fromBitsPerSecond, toBitsPerSecond);
  const to = clamp(range?.to ?? Number.POSITIVE_INFINITY, fromBitsPerSecond, toBitsPerSecond);
  const rates = Array.from({ length: POINTS + 1 }, (_, i) => from * (to / from) ** (i / POINTS));
  return rates
    .map((rate, i) => `${i === 0 ? 'M' : 'L'}${at(x(rate))} ${at(y(latencyAt(curve, rate)))}`)
    .join('');
}

/** Where the best arm changes: a dot and the rate. */
function turns({ x, y, chart }: Frame): string {
  const { fromBitsPerSecond, toBitsPerSecond, rateText, curves } = chart;
  const marks = curves.flatMap((curve) =>
    curve.best.map(({ from }) => ({ rate: from, ms: latencyAt(curve, from) })),
  );
  return marks
    .filter(({ rate }) => rate > fromBitsPerSecond && rate < toBitsPerSecond)
    .map(({ rate, ms }) => {
      const [place, height] = [at(x(rate)), at(y(ms))];
      return `<circle class="default" cx="${place}" cy="${height}" r="4.5"/><text class="strong" x="${place + 8}" y="${height - 10}">${escapeHtml(rateText(rate))}</text>`;
    })
    .join('');
}

/** Names stand at the right end of their lines; of the cuts only those that are best somewhere are named. */
function labels({ y, chart }: Frame): string {
  const named = chart.curves.filter(({ kind, best }) => kind !== 'split' || best.length > 0);
  const wanted = named.map((curve) => clamp(y(latencyAt(curve, chart.toBitsPerSecond)), TOP, BOTTOM));
  const placed = placeLabels(wanted, { gap: 16, least: TOP, most: BOTTOM });
  return named
    .map((curve, i) => {
      const strong = curve.best.length > 0 ? ' strong' : '';
      const name = curve.name.length > 25 ? `${curve.name.slice(0, 24)}…` : curve.name;
      const height = at(placed[i] ?? 0);
      return `<path class="leader" d="M${RIGHT} ${at(wanted[i] ?? 0)}L${RIGHT + 8} ${height}"/><text class="${curve.kind}${strong}" x="${RIGHT + 11}" y="${height + 4}">${escapeHtml(name)}${tip(curve)}</text>`;
    })
    .join('');
}

function tip({ name }: LatencyCurve): string {
  return `<title>${escapeHtml(name)}</title>`;
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}

const at = (place: number) => Number(place.toFixed(1));

function text(x: number, y: number, words: string, anchor: 'start' | 'middle' | 'end'): string {
  return `<text x="${at(x)}" y="${at(y)}" text-anchor="${anchor}">${escapeHtml(words)}</text>`;
}
