/** The chart of a model's cuts: its nodes in a row as the spine, and below it the bytes that cross at each depth. */
import { escapeHtml } from './html.ts';
import { decades, linearScale, logScale, type Scale } from './scale.ts';

/** What a node does, as far as the chart tells it apart. */
export type NodeKind = 'product' | 'plain' | 'move' | 'other';

export interface ChartCut {
  /** Nodes before it. */
  readonly position: number;
  readonly bytes: number;
  readonly isDefault: boolean;
  /** Shown when pointed at. */
  readonly label: string;
}

export interface FrontierChart {
  /** What the chart shows, for those who do not see it. */
  readonly description: string;
  readonly nodes: readonly NodeKind[];
  /** At positions 0 to n; `null` where it is not known. */
  readonly bytes: readonly (number | null)[];
  readonly cuts: readonly ChartCut[];
  /** The cut to point out, and what to say there. */
  readonly best?: { readonly position: number; readonly bytes: number; readonly label: string } | undefined;
  readonly sizeText: (bytes: number) => string;
}

const [LEFT, RIGHT, SPINE, SPINE_END, TOP, BOTTOM, WIDTH, HEIGHT] = [76, 896, 24, 46, 104, 392, 960, 450];
const FAMILIES: readonly (readonly [NodeKind, string])[] = [
  ['product', 'products: convolution, matrix, recurrence'],
  ['plain', 'element by element, norms, pools'],
  ['move', 'moving data'],
  ['other', 'control flow and others'],
];

/** An `<svg>`, or undefined where no size is known. */
export function frontierChart(chart: FrontierChart): string | undefined {
  const known = chart.bytes.filter((size) => size !== null && size > 0) as number[];
  if (known.length === 0 || chart.nodes.length === 0) return undefined;
  const ticks = decades(known);
  const x = linearScale([0, chart.nodes.length], [LEFT, RIGHT]);
  const y = logScale([ticks[0] ?? 1, ticks.at(-1) ?? 10], [BOTTOM, TOP]);
  const parts = [
    axes(ticks, y, chart.sizeText),
    spine(chart.nodes, x),
    `<path class="frontier" d="${steps(chart.bytes, x, y)}"/>`,
    best(chart, x, y),
    ...chart.cuts.map((cut) => dot(cut, x, y)),
    legend(),
  ];
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(chart.description)}">
${parts.join('\n')}
</svg>`;
}

function axes(ticks: readonly number[], y: Scale, sizeText: (bytes: number) => string): string {
  const rows = ticks.map(
    (tick) =>
      `<line class="grid" x1="${LEFT}" x2="${RIGHT}" y1="${at(y(tick))}" y2="${at(y(tick))}"/>${text(LEFT - 8, y(tick) + 4, sizeText(tick), 'end')}`,
  );
  const depth = linearScale([0, 100], [LEFT, RIGHT]);
  const columns = [0, 25, 50, 75, 100].map((share) =>
    text(depth(share), BOTTOM + 18, `${share} %`, 'middle'),
  );
  const titles = [
    text(LEFT, SPINE - 10, 'the nodes, in the order in which they run', 'start'),
    text(LEFT, TOP - 12, 'bytes that cross, log scale', 'start'),
    text(RIGHT, BOTTOM + 36, 'depth: share of the nodes before the cut', 'end'),
  ];
  return [...rows, ...columns, ...titles].join('');
}

function spine(nodes: readonly NodeKind[], x: Scale): string {
  const gap = nodes.length > 300 ? 0 : 0.5;
  return nodes
    .map((kind, i) => {
      const width = Math.max(0.4, x(i + 1) - x(i) - gap);
      return `<rect class="${kind}" x="${at(x(i))}" y="${SPINE}" width="${at(width)}" height="${SPINE_END - SPINE}"/>`;
    })
    .join('');
}

/** A level from each position to the next; a gap where nothing is known. */
function steps(bytes: readonly (number | null)[], x: Scale, y: Scale): string {
  let path = '';
  let isDrawing = false;
  for (const [position, size] of bytes.entries()) {
    if (size === null || size <= 0) {
      isDrawing = false;
      continue;
    }
    const place = `${at(x(position))} ${at(y(size))}`;
    path += isDrawing ? `H${at(x(position))}V${at(y(size))}` : `M${place}`;
    isDrawing = true;
  }
  return path;
}

function best({ best: chosen }: FrontierChart, x: Scale, y: Scale): string {
  if (!chosen) return '';
  const place = x(chosen.position);
  const isLeft = place < (LEFT + RIGHT) / 2;
  const [anchor, offset] = isLeft ? (['start', 10] as const) : (['end', -10] as const);
  // The label stands above its dot, or below where the top is near.
  const height = y(chosen.bytes) - 12 < TOP + 24 ? y(chosen.bytes) + 24 : y(chosen.bytes) - 12;
  return [
    `<line class="best" x1="${at(place)}" x2="${at(place)}" y1="${SPINE - 4}" y2="${BOTTOM}"/>`,
    `<text class="edge" x="${at(place - 8)}" y="${SPINE_END + 16}" text-anchor="end">◂ device</text>`,
    `<text class="cloud" x="${at(place + 8)}" y="${SPINE_END + 16}">cloud ▸</text>`,
    `<text class="strong" x="${at(place + offset)}" y="${at(height)}" text-anchor="${anchor}">${escapeHtml(chosen.label)}</text>`,
  ].join('');
}

function dot({ position, bytes, isDefault, label }: ChartCut, x: Scale, y: Scale): string {
  const [kind, radius] = isDefault ? ['default', 5] : ['offered', 3];
  return `<circle class="${kind}" cx="${at(x(position))}" cy="${at(y(bytes))}" r="${radius}"><title>${escapeHtml(label)}</title></circle>`;
}

function legend(): string {
  let left = LEFT;
  const entries = FAMILIES.map(([kind, words]) => {
    const entry = `<rect class="${kind}" x="${left}" y="${HEIGHT - 14}" width="11" height="11"/>${text(left + 16, HEIGHT - 4, words, 'start')}`;
    left += 38 + words.length * 6.8;
    return entry;
  });
  return entries.join('');
}

const at = (place: number) => Number(place.toFixed(1));

function text(x: number, y: number, words: string, anchor: 'start' | 'middle' | 'end'): string {
  return `<text x="${at(x)}" y="${at(y)}" text-anchor="${anchor}">${escapeHtml(words)}</text>`;
}
