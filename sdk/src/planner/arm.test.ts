import { describe, expect, it } from 'vitest';
import type { Cut } from '../cut/cut.ts';
import { allowedArms } from './arm.ts';

const cut = (id: string, depth: number): Cut => ({
  id,
  position: Math.round(depth * 100),
  depth,
  name: id,
  tensors: [],
  headOutputs: [],
  bytes: null,
});
const input = cut('in', 0);
const cuts = [cut('a', 0.1), cut('b', 0.5), cut('c', 0.9)];

describe('allowedArms', () => {
  it('lets the device, the input, the picture and every cut in every profile compete where anything may leave', () => {
    const arms = allowedArms(input, cuts, {
      profiles: ['uint8', 'uint8+deflate'],
      inputs: 'may-leave',
      minDepth: 0,
    });
    expect(arms.map(({ id }) => id)).toEqual([
      'device',
      'in/float32+deflate',
      'in/image',
      'a/uint8',
      'a/uint8+deflate',
      'b/uint8',
      'b/uint8+deflate',
      'c/uint8',
      'c/uint8+deflate',
    ]);
  });

  it('offers neither the input nor its picture where the input must stay', () => {
    const arms = allowedArms(input, cuts, { profiles: ['uint8'], inputs: 'stay', minDepth: 0 });
    expect(arms.map(({ id }) => id)).toEqual(['device', 'a/uint8', 'b/uint8', 'c/uint8']);
  });

  it('offers no cut shallower than minDepth, and no input either', () => {
    const arms = allowedArms(input, cuts, { profiles: ['uint8'], inputs: 'may-leave', minDepth: 0.4 });
    expect(arms.map(({ id }) => id)).toEqual(['device', 'b/uint8', 'c/uint8']);
  });
});
