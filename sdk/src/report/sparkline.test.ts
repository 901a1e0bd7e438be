import { describe, expect, it } from 'vitest';
import { sparkline, sparkMarks } from './sparkline.ts';

describe('a sparkline', () => {
  it('rises by the logarithm', () => expect(sparkline([1, 10, 100, 1000, 10 ** 7])).toBe('▁▂▃▄█'));

  it('shows the smallest of each stretch, and a space where nothing is known', () => {
    expect(sparkline([9, 1, 9, 9, null, null], { width: 3 })).toBe('▁█ ');
  });

  it('is level for equal values and empty for none', () => {
    expect(sparkline([5, 5])).toBe('▁▁');
    expect(sparkline([])).toBe('');
  });

  it('has marks where its values are marked', () => {
    expect(sparkMarks([false, true, false, false, false, false], '^', { width: 3 })).toBe('^');
    expect(sparkMarks([false, false, true], '^')).toBe('  ^');
  });
});
