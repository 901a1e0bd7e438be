import { describe, expect, it } from 'vitest';
import { createProgress } from './progress.ts';

function streams(stdoutIsTTY: boolean, stderrIsTTY: boolean) {
  const written: string[] = [];
  const stderr = { isTTY: stderrIsTTY, columns: 10, write: (text: string) => written.push(text) };
  return { written, stdout: { isTTY: stdoutIsTTY, write: () => expect.fail('wrote to stdout') }, stderr };
}

describe('progress', () => {
  it('overwrites one line that never wraps, and wipes it', () => {
    const { written, ...both } = streams(true, true);
    const progress = createProgress(both);
    progress.show('loading');
    progress.show('measuring a lot');
    progress.done();
    progress.done();
    expect(written).toEqual(['\r\u001b[Kloading', '\r\u001b[Kmeasuring', '\r\u001b[K']);
  });

  it.each([
    [true, false],
    [false, true],
  ])('is silent unless both streams are terminals (%s, %s)', (stdout, stderr) => {
    const { written, ...both } = streams(stdout, stderr);
    const progress = createProgress(both);
    progress.show('loading');
    progress.done();
    expect(written).toEqual([]);
  });
});
