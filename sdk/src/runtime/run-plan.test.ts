import { describe, expect, it } from 'vitest';
import type { Tensor, TensorInfo } from '../tensor.ts';
import { type PlannedModel, planRun } from './run-plan.ts';

const ONE: Tensor = { type: 'float32', dims: [1], data: Float32Array.of(1) };

describe('planRun', () => {
  it('sends only feeds that are taken and gives only what is wanted later', () => {
    const models = [model(1, ['x'], ['a', 'b', 'unused']), model(2, ['a', 'w'], ['y', 'z'])];
    const plan = planRun(models, { x: ONE, w: ONE, other: ONE }, ['y', 'b', 'other']);
    expect(plan).toEqual({
      steps: [
        { model: 1, takes: ['x'], gives: ['a', 'b'] },
        { model: 2, takes: ['a', 'w'], gives: ['y'] },
      ],
      feeds: ['x', 'w'],
      made: ['y', 'b'],
      fed: ['other'],
    });
  });

  it('takes a name from the last model that made it, a feed before', () => {
    const plan = planRun([model(1, ['h'], ['t']), model(2, ['t'], ['h'])], { h: ONE }, ['h']);
    expect(plan).toMatchObject({ feeds: ['h'], made: ['h'], fed: [] });
  });

  it('refuses what would be there only later, or never, and names it', () => {
    const models = [model(1, ['x'], ['a']), model(2, ['b'], ['c']), model(3, ['c'], ['b'])];
    const feeds = { x: ONE };
    expect(() => planRun(models, feeds, ['b'])).toThrow('input "b" of model 2 of 3');
    expect(() => planRun(models.slice(0, 1), feeds, ['toString'])).toThrow('fetch "toString"');
  });
});

function model(id: number, inputs: readonly string[], outputs: readonly string[]): PlannedModel {
  const info = (name: string): TensorInfo => ({ name, type: 'float32', shape: [1] });
  return { model: id, inputs: inputs.map(info), outputs: outputs.map(info) };
}
