import { describe, expect, it } from 'vitest';
import type { SplitArm } from '../planner/arm.ts';
import { seededRandom } from '../testing/random.ts';
import { createNoiseStage, secureRandom } from './noise-stage.ts';

const armOf = (profile: SplitArm['profile'], ...types: readonly string[]) =>
  ({ profile, cut: { tensors: types.map((type, k) => ({ name: `t${k}`, type })) } }) as unknown as SplitArm;
const tensor = () => ({ type: 'float32', dims: [4], data: Float32Array.of(1, 2, 3, 4) }) as const;

describe('the noise stage', () => {
  it('gives the same for the same head, so that two tries have no mean to take', () => {
    const stage = createNoiseStage(0.5, seededRandom(1));
    const [made, arm] = [{ values: { t0: tensor(), output: tensor() } }, armOf('uint8', 'float32')];
    const sent = stage.over(made, arm);
    expect(Object.keys(sent.values)).toEqual(['t0']);
    expect(sent.values.t0?.data).not.toEqual(tensor().data);
    expect(made.values.t0.data).toEqual(tensor().data);
    expect(stage.over(made, arm)).toBe(sent);
    expect(stage.over({ values: made.values }, arm)).not.toEqual(sent);
  });

  it('covers an arm whose tensors are all floats, and no picture', () => {
    const { covers } = createNoiseStage(1, seededRandom(1));
    expect(covers(armOf('uint8', 'float32', 'float32'))).toBe(true);
    for (const bare of [
      armOf('uint8', 'float32', 'int64'),
      armOf('float32', 'float16'),
      armOf('image', 'float32'),
    ])
      expect(covers(bare)).toBe(false);
  });

  it('has numbers of the platform in [0, 1), each once', () => {
    const random = secureRandom();
    const numbers = Float64Array.from({ length: 40_000 }, random);
    expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true);
    expect(numbers.reduce((sum, number) => sum + number, 0) / numbers.length).toBeCloseTo(0.5, 1);
    expect(new Set(numbers).size).toBeGreaterThan(39_990);
  });
});
