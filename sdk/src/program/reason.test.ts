import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { SplitError } from '../errors.ts';
import { reasonOf } from './reason.ts';

function failureOf(text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    return error;
  }
}

it('of a file of another kind no more is quoted than a line holds', () => {
  const reason = reasonOf(failureOf(`a: *${'x'.repeat(10_000)}`));
  expect(reason).toMatch(/^Unresolved alias.*…$/);
  expect(reason.length).toBeLessThan(250);
});

it('a short reason stands as it is, and so does all that a check of ours found', () => {
  expect(reasonOf(new Error('no such file\nmore'))).toBe('no such file');
  const found = 'a field is wrong; '.repeat(40);
  expect(reasonOf(new SplitError('options-invalid', found))).toBe(found);
});
