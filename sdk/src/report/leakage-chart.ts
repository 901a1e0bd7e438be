/** What an attacker gets back at each depth: a line for each level of noise, and the guess of one who saw nothing. */
import { escapeHtml } from './html.ts';
import { linearScale } from './scale.ts';

export interface LeakageChart {
  /** What the chart shows, for those who do not see it. */
  readonly description: string;
  /** What is drawn, with its unit. */
  readonly title: string;
  readonly lines: readonly {
    readonly name: string;
    readonly isMain: boolean;
    /** Depth as a share of the nodes, value 0 to 1. */
    readonly points: readonly { readonly depth: number; readonly value: number }[];
  }[];
  /** Drawn dashed over all depths. */
  readonly blind: { readonly name: string; readonly value: number };
}

const [LEFT, RIGHT, WIDTH, TOP, BOTTOM, HEIGHT] = [60, 700, 960, 30, 300, 345];
const LABEL_GAP = 17;

export function leakageChart({ description, title, lines, blind }: LeakageChart): string {
  const x = linearScale([0, 1], [LEFT, RIGHT]);
  const y = linearScale([0, 1], [BOTTOM, TOP]);
  const place = (value: number) => y(Math.min(1, Math.max(0, value)));
  const grid = [0, 0.25, 0.5, 0.75, 1].flatMap((tick) => [
    `<line class="grid" x1="${LEFT}" x2="${RIGHT}" y1="${at(y(tick))}" y2="${at(y(tick))}"/>`,
    `<text x="${LEFT - 8}" y="${at(y(tick) + 4)}" text-anchor="end">${tick}</text>`,
    `<text x="${at(x(tick))}" y="${BOTTOM + 18}" text-anchor="middle">${tick * 100}</text>`,
  ]);
  const drawn = lines.map(({ points, isMain }) => {
    const path = points.map(
      ({ depth, value }, i) => `${i === 0 ? 'M' : 'L'}${at(x(depth))} ${at(place(value))}`,
    );
    const dots = isMain
      ? points.map(
          ({ depth, value }) =>
            `<circle class="default" cx="${at(x(depth))}" cy="${at(place(value))}" r="3.5"/>`,
        )
      : [];
    const style = isMain ? 'class="envelope cloud" style="stroke-width:3"' : 'class="arm" style="opacity:.8"';
    return `<path ${style} d="${path.join('')}"/>${dots.join('')}`;
  });
  const ends = [
    ...lines.map(({ name, isMain, points }) => ({
      name,
      kind: isMain ? 'cloud' : 'split',
      y: place(points.at(-1)?.value ?? 0),
    })),
    { name: blind.name, kind: 'soft', y: place(blind.value) },
  ];
  const labels = spread(ends).map(
    ({ name, kind, y: height }) =>
      `<text class="${kind}" x="${RIGHT + 12}" y="${at(height + 4)}">${escapeHtml(name)}</text>`,
  );
  const dashed = `<line class="frontier" stroke-dasharray="5 4" x1="${LEFT}" x2="${RIGHT}" y1="${at(place(blind.value))}" y2="${at(place(blind.value))}"/>`;
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(description)}">
<text x="${LEFT}" y="${TOP - 12}">${escapeHtml(title)}</text>
<text x="${RIGHT}" y="${HEIGHT - 6}" text-anchor="end">depth of the cut, % of the nodes</text>
${[...grid, dashed, ...drawn, ...labels].join('\n')}
</svg>`;
}

/** Labels that would lie on each other are moved apart, downward, and up again from the end of the picture. */
function spread<T extends { readonly y: number }>(labels: readonly T[]): readonly T[] {
  const sorted = labels.toSorted((a, b) => a.y - b.y);
  let last = Number.NEGATIVE_INFINITY;
  const down = sorted.map((label) => {
    last = Math.max(label.y, last + LABEL_GAP);
    return { ...label, y: last };
  });
  let next = BOTTOM + LABEL_GAP;
  return down.reverse().map((label) => {
    next = Math.min(label.y, next - LABEL_GAP);
    return { ...label, y: next };
  });
}

const at = (place: number) => Number(place.toFixed(1));
