/** Plain tables for a terminal: numbers on the right with three significant digits, units in the header. */

export type Cell = string | number | undefined;

/** A title alone is a column without a unit. */
export interface Column {
  readonly title: string;
  /** Stands below the title: `ms`, `KB`. */
  readonly unit?: string;
}

export interface TableOptions {
  /** Columns of text are shortened to fit in, where they can be. @default 80 */
  readonly maxWidth?: number;
  /** Header in bold, rules dimmed. Whether the reader wants that (terminal, NO_COLOR) is the caller's to say. @default false */
  readonly colours?: boolean;
}

const GAP = '  ';
const LEAST_TEXT_WIDTH = 6;

/** Lines of text, without a line feed at the end. A cell that is missing or no finite number reads `-`. */
export function renderTable(
  columns: readonly (Column | string)[],
  rows: readonly (readonly Cell[])[],
  { maxWidth = 80, colours = false }: TableOptions = {},
): string {
  const header: readonly Column[] = columns.map((column) =>
    typeof column === 'string' ? { title: column } : column,
  );
  const numeric = columns.map((_, index) => rows.some((row) => typeof row[index] === 'number'));
  const head = [header.map(({ title }) => title)];
  if (header.some(({ unit }) => unit)) head.push(header.map(({ unit = '' }) => unit));
  const body = rows.map((row) => columns.map((_, index) => formatCell(row[index])));
  const widths = fitWidths(naturalWidths([...head, ...body]), numeric, maxWidth);
  const line = (cells: readonly string[]) => {
    return cells
      .map((cell, index) => pad(cell, widths[index] ?? 0, numeric[index] === true))
      .join(GAP)
      .trimEnd();
  };
  const rule = widths.map((width) => '─'.repeat(width)).join(GAP);
  const style = (code: number, text: string) => (colours ? `\u001b[${code}m${text}\u001b[0m` : text);
  return [...head.map((cells) => style(1, line(cells))), style(2, rule), ...body.map(line)].join('\n');
}

/** Three significant digits without an exponent; whole numbers below 1,000 as they are. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '-';
  if (Number.isInteger(value) && Math.abs(value) < 1000) return String(value);
  const rounded = Number(value.toPrecision(3));
  if (rounded === 0) return '0';
  const decimals = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(rounded))));
  return rounded.toFixed(Math.min(decimals, 12));
}

function formatCell(cell: Cell): string {
  if (typeof cell === 'number') return formatNumber(cell);
  return cell === undefined || cell === '' ? '-' : cell;
}

function naturalWidths(lines: readonly (readonly string[])[]): number[] {
  const count = lines[0]?.length ?? 0;
  return Array.from({ length: count }, (_, index) =>
    Math.max(...lines.map((line) => [...(line[index] ?? '')].length)),
  );
}

/** Takes from the widest column of text, one character after the other, until the table fits or none is left. */
function fitWidths(widths: readonly number[], numeric: readonly boolean[], maxWidth: number): number[] {
  const fitted = [...widths];
  let excess = fitted.reduce((sum, width) => sum + width + GAP.length, -GAP.length) - maxWidth;
  for (; excess > 0; excess--) {
    const widest = Math.max(...fitted.filter((_, index) => !numeric[index]), 0);
    if (widest <= LEAST_TEXT_WIDTH) break;
    fitted[fitted.findIndex((width, index) => width === widest && !numeric[index])] = widest - 1;
  }
  return fitted;
}

function pad(text: string, width: number, right: boolean): string {
  const characters = [...text];
  const shown = characters.length > width ? `${characters.slice(0, width - 1).join('')}…` : text;
  const filler = ' '.repeat(Math.max(0, width - characters.length));
  return right ? filler + shown : shown + filler;
}
