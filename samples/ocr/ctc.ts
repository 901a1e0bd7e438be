/** Reading the recogniser's output: the likeliest class of each step, repetitions and blanks left out. */

export interface Reading {
  readonly text: string;
  /** Mean probability of the characters kept, 0 to 1; 0 for no text. */
  readonly score: number;
}

/** @param probabilities of one line, step by step: `[steps, alphabet.length]`, of which class 0 is the blank */
export function decodeCtc(probabilities: Float32Array, alphabet: readonly string[]): Reading {
  const classes = alphabet.length;
  let text = '';
  let sum = 0;
  let kept = 0;
  let before = 0;
  for (let step = 0; step + classes <= probabilities.length; step += classes) {
    const best = likeliest(probabilities, step, classes);
    if (best !== 0 && best !== before) {
      text += alphabet[best] ?? '';
      sum += probabilities[step + best] ?? 0;
      kept += 1;
    }
    before = best;
  }
  return { text, score: kept === 0 ? 0 : sum / kept };
}

/** The first of the greatest. */
function likeliest(values: Float32Array, from: number, count: number): number {
  let best = 0;
  for (let index = 1; index < count; index++) {
    if ((values[from + index] as number) > (values[from + best] as number)) best = index;
  }
  return best;
}
