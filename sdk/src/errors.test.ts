import { describe, expect, it } from 'vitest';
import { asSplitError, isSplitError, SplitError, toErrorCode } from './errors.ts';

/** The same file as another module: what an application has that installed two copies of the package. */
async function anotherCopy(): Promise<typeof import('./errors.ts')> {
  const url = './errors.ts?another-copy';
  return await import(/* @vite-ignore */ url);
}

describe('a SplitError', () => {
  it('is recognised across two copies of the package, where instanceof fails', async () => {
    const other = await anotherCopy();
    const foreign = new other.SplitError('overloaded', 'queue of 64 is full');
    expect(foreign).not.toBeInstanceOf(SplitError);
    expect(isSplitError(foreign)).toBe(true);
    expect(asSplitError(foreign)).toBe(foreign);
    expect(other.isSplitError(new SplitError('closed', 'used after release()'))).toBe(true);
  });

  it('is no other error, whatever that looks like', () => {
    const lookalike = Object.assign(new Error('full'), { name: 'SplitError', code: 'overloaded' });
    for (const value of [lookalike, { code: 'overloaded' }, 'overloaded', null, undefined]) {
      expect(isSplitError(value)).toBe(false);
    }
  });

  it('says whether the same request may succeed later', () => {
    expect(new SplitError('overloaded', 'queue of 64 is full').retriable).toBe(true);
    expect(new SplitError('cut-invalid', 'no cut abc').retriable).toBe(false);
  });

  it('keeps a foreign error as its cause', () => {
    const cause = new TypeError('out of range');
    expect(asSplitError(cause, 'runtime-failed')).toMatchObject({
      code: 'runtime-failed',
      message: 'out of range',
      cause,
    });
  });

  it('reads a code of a newer peer as internal', () => {
    expect([toErrorCode('overloaded'), toErrorCode('of-tomorrow')]).toEqual(['overloaded', 'internal']);
  });
});
