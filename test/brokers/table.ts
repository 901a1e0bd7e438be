/** The results as a table: a row a check, a column a broker. */
import { CHECKS } from './checks.ts';
import type { Column } from './main.ts';

export function tableOf(columns: readonly Column[]): string {
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const lines = CHECKS.map(({ name }) => row([name, ...columns.map(({ results }) => results[name] ?? '')]));
  return [
    '# Brokers: what works\n',
    'Made by `npm run brokers -- --write`, from Debian 12, everything on loopback.\n',
    row(['', ...columns.map(({ title }) => title)]),
    row(['---', ...columns.map(() => '---')]),
    ...lines,
    '',
  ].join('\n');
}
