/** The page's two pictures, small enough for a phone: requests a second over time, and where the time of a request goes. */
import { escapeHtml, formatNumber, linearScale } from '@cutpoint/sdk/report';
import type { LiveSnapshot } from './live-state.ts';
import { STAGES } from './recent.ts';

/** In units of the drawing, which are about pixels on a phone. */
const [WIDTH, LEFT, RIGHT] = [440, 34, 432];
const STYLE = 'style="min-width:0;max-width:32rem"';

export function throughputChart({ history }: LiveSnapshot): string {
  const { answered, refused } = history;
  const [top, bottom] = [24, 118];
  const most = Math.max(1, ...answered, ...refused);
  const x = linearScale([0, answered.length - 1], [LEFT, RIGHT]);
  const y = linearScale([0, most], [bottom, top]);
  const line = (counts: readonly number[]) =>
    counts.map((count, index) => `${index === 0 ? 'M' : 'L'}${at(x(index))} ${at(y(count))}`).join('');
  const total = (counts: readonly number[]) => counts.reduce((sum, count) => sum + count, 0);
  const seconds = answered.length;
  const description = `In the last ${seconds} seconds ${total(answered)} requests were answered and ${total(refused)} refused.`;
  const label = (value: number) =>
    `<line class="grid" x1="${LEFT}" x2="${RIGHT}" y1="${at(y(value))}" y2="${at(y(value))}"/><text x="${LEFT - 5}" y="${at(y(value) + 4)}" text-anchor="end">${formatNumber(value)}</text>`;
  return `<svg ${STYLE} viewBox="0 0 ${WIDTH} 146" role="img" aria-label="${description}">
${label(0)}${label(most)}
<path d="${line(refused)}" fill="none" stroke="var(--ink)" stroke-width="1.5" stroke-dasharray="3 3"/>
<path d="${line(answered)}" fill="none" stroke="var(--product)" stroke-width="2.5" stroke-linejoin="round"/>
<text x="${LEFT}" y="14"><tspan class="product" font-weight="650">answered</tspan>, dashed: refused, each second</text>
<text x="${LEFT}" y="136">${seconds} s ago</text><text x="${RIGHT}" y="136" text-anchor="end">now</text>
</svg>`;
}

const COLOURS = {
  decode: 'var(--decode)',
  queue: 'var(--queue)',
  copy: 'var(--uplink)',
  tail: 'var(--cloud)',
  encode: 'var(--encode)',
} as const;

/** A bar a model, of medians; all share one scale. */
export function stageChart({ models }: LiveSnapshot): string {
  const measured = models.flatMap(({ model, version, recent }) =>
    recent ? [{ name: `${model} ${version}`.trim(), stages: recent.stages }] : [],
  );
  if (measured.length === 0) return '';
  const sumOf = ({ stages }: (typeof measured)[number]) =>
    STAGES.reduce((sum, stage) => sum + stages[stage].p50Ms, 0);
  const width = linearScale([0, Math.max(...measured.map(sumOf))], [0, RIGHT - 60]);
  const rows = measured.map((model, row) => {
    const top = 26 + row * 40;
    let left = 0;
    const pieces = STAGES.map((stage) => {
      const ms = model.stages[stage].p50Ms;
      const piece = `<rect x="${at(left)}" y="${top + 18}" width="${at(width(ms))}" height="13" fill="${COLOURS[stage]}"><title>${stage} ${formatNumber(ms)} ms</title></rect>`;
      left += width(ms);
      return piece;
    });
    return `<text class="strong" x="0" y="${top + 12}">${escapeHtml(shortened(model.name))}</text>${pieces.join('')}<text x="${at(left + 6)}" y="${top + 29}">${formatNumber(sumOf(model))} ms</text>`;
  });
  const legend = STAGES.map(
    (stage, index) =>
      `<rect x="${index * 80}" y="3" width="11" height="11" fill="${COLOURS[stage]}"/><text x="${index * 80 + 16}" y="13">${stage}</text>`,
  );
  const description = measured
    .map(({ name, stages }) => {
      const parts = STAGES.map((stage) => `${stage} ${formatNumber(stages[stage].p50Ms)} ms`);
      return `${name}: ${parts.join(', ')}`;
    })
    .join('; ');
  return `<svg ${STYLE} viewBox="0 0 ${WIDTH} ${30 + measured.length * 40}" role="img" aria-label="${escapeHtml(`Medians of the stages. ${description}.`)}">
${legend.join('')}${rows.join('')}
</svg>`;
}

function shortened(name: string): string {
  return name.length > 52 ? `${name.slice(0, 51)}…` : name;
}

const at = (place: number) => Number(place.toFixed(1));
