/** A recorded link: one sample a line, `seconds Mbit/s`, by rising seconds. Empty lines and those with # are skipped. */
import { SplitError } from '../errors.ts';

export interface TraceSample {
  readonly atMs: number;
  readonly bitsPerSecond: number;
}

const MAX_SAMPLES = 1_000_000;

/** @throws SplitError `options-invalid` naming the line at fault */
export function readTrace(text: string): readonly TraceSample[] {
  const samples: TraceSample[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const content = line.replace(/#.*/, '').trim();
    if (content === '') continue;
    if (samples.length >= MAX_SAMPLES) throw wrong(index, `more than ${MAX_SAMPLES} samples`);
    samples.push(readSample(content, index, samples.at(-1)));
  }
  if (samples.length < 2) {
    throw new SplitError('options-invalid', `trace: ${samples.length} samples; expected 2 or more`);
  }
  if (!samples.some(({ bitsPerSecond }) => bitsPerSecond > 0)) {
    throw new SplitError('options-invalid', 'trace: every rate is 0; expected one above it');
  }
  return samples;
}

function readSample(content: string, index: number, last: TraceSample | undefined): TraceSample {
  const [seconds = '', megabits = '', ...rest] = content.split(/\s+/);
  const [atMs, bitsPerSecond] = [Number(seconds) * 1000, Number(megabits) * 1e6];
  if (megabits === '' || rest.length > 0) {
    throw wrong(index, `'${content.slice(0, 40)}' is not two numbers; expected 'seconds Mbit/s'`);
  }
  if (!(Number.isFinite(atMs) && atMs >= 0)) throw wrong(index, `${seconds} is no number of seconds`);
  if (!(bitsPerSecond >= 0 && bitsPerSecond <= 1e12)) {
    throw wrong(index, `${megabits} Mbit/s; expected 0 to 1000000`);
  }
  if (last && atMs <= last.atMs) {
    throw wrong(index, `${seconds} s is not after the line before, ${last.atMs / 1000} s`);
  }
  return { atMs, bitsPerSecond };
}

function wrong(index: number, what: string): SplitError {
  return new SplitError('options-invalid', `trace, line ${index + 1}: ${what}`);
}
