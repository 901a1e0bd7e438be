import { describe, expect, it } from 'vitest';
import type { SplitError } from '../errors.ts';
import type { Tensor, TensorInfo } from '../tensor.ts';
import { readRunArguments } from './run-arguments.ts';

const model: { inputs: TensorInfo[]; outputs: TensorInfo[] } = {
  inputs: [
    { name: 'x', type: 'float32', shape: ['N', 3] },
    { name: 'lengths', type: 'int64', shape: ['N'] },
  ],
  outputs: [
    { name: 'y', type: 'float32', shape: ['N', 2] },
    { name: 'z', type: 'float32', shape: null },
  ],
};
const x: Tensor = { type: 'float32', data: new Float32Array(6), dims: [2, 3] };
const lengths: Tensor = { type: 'int64', data: new BigInt64Array(2), dims: [2] };
const read = (...rest: unknown[]) => readRunArguments(model, ...(rest as [never, never, never]));
const code = (work: () => unknown) => {
  try {
    work();
  } catch (error) {
    return [(error as SplitError).code, (error as SplitError).message];
  }
  return undefined;
};

describe('readRunArguments', () => {
  it('asks for all outputs where no fetches are given', () => {
    expect(read({ x, lengths }).fetches).toEqual(['y', 'z']);
  });

  it('takes fetches as names, as an object, and options in second or third place', () => {
    expect(read({ x, lengths }, ['z']).fetches).toEqual(['z']);
    expect(read({ x, lengths }, { y: null }).fetches).toEqual(['y']);
    expect(read({ x, lengths }, { deadlineMs: 5 })).toMatchObject({
      fetches: ['y', 'z'],
      options: { deadlineMs: 5 },
    });
    expect(read({ x, lengths }, ['y'], { deadlineMs: 7 })).toMatchObject({
      fetches: ['y'],
      options: { deadlineMs: 7 },
    });
  });

  it.each([
    ['an input that the model does not have', { x, lengths, w: x }, 'input-name', "no input 'w'"],
    ['an input that is missing', { x }, 'input-name', "'lengths' is missing"],
    ['another element type', { x: lengths, lengths }, 'input-type', "'x' is int64, the model takes float32"],
    ['nothing', { x: null, lengths }, 'input-type', "'x' is no tensor"],
    ['a list of numbers', { x: { ...x, data: [1, 2, 3, 4, 5, 6] }, lengths }, 'input-type', 'a typed array'],
    ['a tensor without dims', { x: { type: x.type, data: x.data }, lengths }, 'input-type', 'dims'],
    ['another rank', { x: { ...x, dims: [6] }, lengths }, 'input-shape', '[6]'],
    [
      'another fixed dimension',
      { x: { ...x, dims: [3, 2] }, lengths },
      'input-shape',
      '[3, 2], the model takes [N, 3]',
    ],
    ['more elements than the dims say', { x: { ...x, dims: [1, 3] }, lengths }, 'input-shape', '6 elements'],
    [
      'one symbol with two values',
      { x, lengths: { ...lengths, data: new BigInt64Array(3), dims: [3] } },
      'input-shape',
      '[3]',
    ],
  ])('refuses %s', (_, feeds, expected, text) => {
    const [actual, message] = code(() => read(feeds)) ?? [];
    expect(actual).toBe(expected);
    expect(message).toContain(text);
  });

  it('refuses an output that the model does not have, none at all, and a deadline that is none', () => {
    expect(code(() => read({ x, lengths }, ['w']))?.[0]).toBe('options-invalid');
    expect(code(() => read({ x, lengths }, []))?.[0]).toBe('options-invalid');
    expect(code(() => read({ x, lengths }, { deadlineMs: 0 }))?.[0]).toBe('options-invalid');
    expect(code(() => read({ x, lengths }, { deadlineMs: Number.NaN }))?.[0]).toBe('options-invalid');
  });
});
