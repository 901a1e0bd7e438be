import { describe, expect, it } from 'vitest';
import { formatNumber, renderTable } from './table.ts';

describe('a table', () => {
  it('puts text on the left, numbers on the right and units in the header', () => {
    const columns = [{ title: 'cut' }, { title: 'sent', unit: 'KB' }, { title: 'total', unit: 'ms' }];
    const table = renderTable(columns, [
      ['picture', 53.683, 612.4],
      ['device', 0, 1234.5],
      ['conv 12', undefined, Number.NaN],
    ]);
    expect(table.split('\n')).toEqual([
      'cut      sent  total',
      '           KB     ms',
      '───────  ────  ─────',
      'picture  53.7    612',
      'device      0   1230',
      'conv 12     -      -',
    ]);
  });

  it('shortens the widest text until it fits, and no number', () => {
    const table = renderTable(
      [{ title: 'a' }, { title: 'b' }, { title: 'n' }],
      [['x'.repeat(90), 'short', 123]],
      {
        maxWidth: 40,
      },
    );
    expect(table.split('\n').map((line) => line.length)).toEqual([40, 40, 40]);
    expect(table).toContain(`${'x'.repeat(27)}…  short  123`);
  });

  it('has colours only when asked, and the same text then', () => {
    const plain = renderTable(['n'], [[1]]);
    const coloured = renderTable(['n'], [[1]], { colours: true });
    expect(coloured).not.toBe(plain);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    expect(coloured.replace(/\u001b\[\d+m/g, '')).toBe(plain);
  });

  it.each([
    [0, '0'],
    [7, '7'],
    [0.012345, '0.0123'],
    [1.5, '1.50'],
    [99.95, '100'],
    [9.999, '10.0'],
    [-12.345, '-12.3'],
    [53683, '53700'],
    [999.6, '1000'],
    [Number.POSITIVE_INFINITY, '-'],
  ])('writes %d as %s', (value, text) => expect(formatNumber(value)).toBe(text));
});
