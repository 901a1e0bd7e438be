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
const crossedBy = (one: Cut, ...names: readonly string[]): Cut => ({
  ...one,
  tensors: names.map((name) => ({ name, type: 'float32', shape: null })),
});
const cuts = [cut('a', 0.1), cut('b', 0.5), cut('c', 0.9)];
const rest = cuts.slice(1);

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

  it('offers no cut that an input passes as it is where the input must stay', () => {
    const rules = { profiles: ['uint8'], inputs: 'stay', minDepth: 0 } as const;
    const arms = allowedArms(
      crossedBy(input, 'mask'),
      [crossedBy(cuts[0] as Cut, 'x', 'mask'), ...rest],
      rules,
    );
    expect(arms.map(({ id }) => id)).toEqual(['device', 'b/uint8', 'c/uint8']);
  });

  it('offers every two cuts where the output must stay, and no tail', () => {
    const rules = { profiles: ['uint8'], inputs: 'stay', outputs: 'stay', minDepth: 0 } as const;
    const arms = allowedArms(input, cuts, rules);
    expect(arms.map(({ id }) => id)).toEqual(['device', 'a-b/uint8', 'a-c/uint8', 'b-c/uint8']);
    const deep = allowedArms(input, cuts, { ...rules, minDepth: 0.4 });
    expect(deep.map(({ id }) => id)).toEqual(['device', 'b-c/uint8']);
    const open = allowedArms(input, cuts, { ...rules, inputs: 'may-leave' });
    expect(open.map(({ id }) => id)).toContain('in-a/float32+deflate');
  });

  it('offers no two cuts between which an output is made, nor such as an output crosses', () => {
    const rules = { profiles: ['uint8'], inputs: 'stay', outputs: 'stay', minDepth: 0 } as const;
    const [a, b, c] = cuts as [Cut, Cut, Cut];
    const made = { headOutputs: ['y'] };
    const between = allowedArms(input, [a, { ...b, ...made }, { ...c, ...made }], rules);
    expect(between.map(({ id }) => id)).toEqual(['device', 'b-c/uint8']);
    const crossing = allowedArms(input, [a, { ...crossedBy(b, 'y'), ...made }, { ...c, ...made }], rules);
    expect(crossing.map(({ id }) => id)).toEqual(['device']);
  });
});
