/** A document of sections, as Markdown or as a page: the same words and the same numbers. */
import { escapeHtml, type HtmlTable, htmlTable } from '../report/html.ts';
import { renderPage, type Section } from '../report/page.ts';
import { type Cell, formatNumber } from '../report/table.ts';

export interface DocumentPart {
  readonly heading: string;
  readonly paragraphs?: readonly string[];
  /** A numbered list. */
  readonly steps?: readonly string[];
  readonly tables?: readonly HtmlTable[];
}

export interface StrategyDocument {
  readonly title: string;
  /** The first line. */
  readonly answer: string;
  readonly subtitle: string;
  /** For the page: `<svg>`. */
  readonly picture: { readonly svg: string; readonly caption: string };
  readonly parts: readonly DocumentPart[];
}

export function documentHtml({ title, answer, subtitle, picture, parts }: StrategyDocument): string {
  const sections = parts.map(({ heading, paragraphs = [], steps = [], tables = [] }): Section => {
    const items = steps.map((text) => `<li>${linked(escapeHtml(text))}</li>`).join('');
    const html = [
      ...paragraphs.map((text) => `<p>${linked(escapeHtml(text))}</p>`),
      ...(items === '' ? [] : [`<ol>${items}</ol>`]),
      ...tables.map(htmlTable),
    ];
    return { heading, html: html.join('\n') };
  });
  return renderPage({ title, answer, subtitle, picture, sections });
}

export function documentMarkdown({ title, answer, subtitle, parts }: StrategyDocument): string {
  const written = parts.map(({ heading, paragraphs = [], steps = [], tables = [] }) =>
    [
      `## ${heading}`,
      ...paragraphs.map(escapeMarkdown),
      ...(steps.length === 0 ? [] : [steps.map((text, i) => `${i + 1}. ${escapeMarkdown(text)}`).join('\n')]),
      ...tables.map(markdownTable),
    ].join('\n\n'),
  );
  return `${[`# ${escapeMarkdown(title)}`, `**${escapeMarkdown(answer)}**`, escapeMarkdown(subtitle), ...written].join('\n\n')}\n`;
}

function markdownTable({ caption, columns, rows }: HtmlTable): string {
  const head = columns.map(({ title, unit }) => (unit ? `${title} (${unit})` : title));
  const line = (cells: readonly string[]) => `| ${cells.map(escapeCell).join(' | ')} |`;
  const body = rows.map((row) => line(columns.map((_, i) => cellText(row[i]))));
  return [`${escapeMarkdown(caption)}`, '', line(head), line(columns.map(() => '---')), ...body].join('\n');
}

function cellText(cell: Cell): string {
  if (typeof cell === 'number') return formatNumber(cell);
  return cell === undefined || cell === '' ? '–' : cell;
}

/** Names come from models and files: they are text, and no markup. Addresses stay as they are. */
function escapeMarkdown(text: string): string {
  return text.replaceAll(/[\\`*<>[\]]/g, (character) => `\\${character}`);
}

function escapeCell(text: string): string {
  return escapeMarkdown(text).replaceAll('|', '\\|').replaceAll('\n', ' ');
}

/** Addresses of https become links; the text is escaped already. */
function linked(html: string): string {
  return html.replaceAll(/https:\/\/[\w./-]+[\w/]/g, (url) => `<a href="${url}">${url}</a>`);
}
