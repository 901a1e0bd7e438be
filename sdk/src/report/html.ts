/** Pieces of HTML. Whatever comes from a model or a user goes through `escapeHtml`. */
import { type Cell, type Column, formatNumber } from './table.ts';

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

export interface HtmlTable {
  /** What the table shows, for all readers. */
  readonly caption: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Cell[])[];
  /** Index of the row that is the best one, or of several, drawn stronger. */
  readonly best?: number | ReadonlySet<number> | undefined;
}

/** As `renderTable` shows it in a terminal: numbers on the right, with three significant digits. */
export function htmlTable({ caption, columns, rows, best }: HtmlTable): string {
  const isNumber = columns.map((_, index) => rows.some((row) => typeof row[index] === 'number'));
  const kind = (index: number) => (isNumber[index] ? ' class="number"' : '');
  const head = columns.map(
    ({ title, unit }, index) =>
      `<th scope="col"${kind(index)}>${escapeHtml(title)}${unit ? `<small>${escapeHtml(unit)}</small>` : ''}</th>`,
  );
  const body = rows.map((row, index) => {
    const cells = columns.map((_, column) => `<td${kind(column)}>${cellText(row[column])}</td>`);
    const isBest = typeof best === 'number' ? index === best : best?.has(index);
    return `<tr${isBest ? ' class="best"' : ''}>${cells.join('')}</tr>`;
  });
  return `<div class="wide" tabindex="0" role="region" aria-label="${escapeHtml(caption)}"><table>
<caption>${escapeHtml(caption)}</caption>
<thead><tr>${head.join('')}</tr></thead>
<tbody>
${body.join('\n')}
</tbody></table></div>`;
}

function cellText(cell: Cell): string {
  if (typeof cell === 'number') return formatNumber(cell);
  return cell === undefined || cell === '' ? '–' : escapeHtml(cell);
}

/** Terms and what they are. */
export function htmlList(entries: Readonly<Record<string, string>>): string {
  const items = Object.entries(entries).map(
    ([term, text]) => `<dt>${escapeHtml(term)}</dt><dd>${escapeHtml(text)}</dd>`,
  );
  return `<dl>${items.join('')}</dl>`;
}
