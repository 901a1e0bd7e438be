import { describe, expect, it } from 'vitest';
import { decodeCtc } from './ctc.ts';
import { readAlphabet } from './models.ts';

const ALPHABET = ['', 'a', 'b', ' '];

/** One step a class, each with the probability given. */
function steps(...likeliest: readonly (readonly [number, number])[]): Float32Array {
  return Float32Array.from(
    likeliest.flatMap(([at, value]) => ALPHABET.map((_, index) => (index === at ? value : 0.1))),
  );
}

describe('CTC decoding', () => {
  it('drops blanks and repetitions, and keeps a letter that a blank parts from itself', () => {
    const line = steps([1, 0.5], [1, 1], [0, 1], [1, 0.75], [3, 1], [2, 0.75]);
    expect(decodeCtc(line, ALPHABET)).toEqual({ text: 'aa b', score: 0.75 });
  });

  it('reads nothing from blanks, with a score of 0', () => {
    expect(decodeCtc(steps([0, 1], [0, 0.9]), ALPHABET)).toEqual({ text: '', score: 0 });
    expect(decodeCtc(new Float32Array(), ALPHABET)).toEqual({ text: '', score: 0 });
  });

  it('has a class for the blank, each character of the dictionary, and the space', async () => {
    const alphabet = await readAlphabet();
    expect(alphabet.length).toBe(6625);
    expect([alphabet[0], alphabet.at(-1)]).toEqual(['', ' ']);
    expect(alphabet.slice(1).every((character) => character.length > 0)).toBe(true);
  });
});
