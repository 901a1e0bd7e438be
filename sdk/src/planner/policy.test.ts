import { describe, expect, it } from 'vitest';
import { isSplitError } from '../errors.ts';
import { RADIOS } from './objective.ts';
import { resolvePolicy } from './policy.ts';

describe('resolvePolicy', () => {
  it('asks for latency and nothing else where the file is empty', () => {
    expect(resolvePolicy(null)).toMatchObject({ objective: 'latency', constraints: {} });
  });

  it('keeps every constraint of the file', () => {
    const constraints = { deadlineMs: 100, maxAccuracyLoss: 0.01, inputs: 'stay', regions: ['eu'] } as const;
    expect(resolvePolicy(constraints).constraints).toEqual(constraints);
  });

  it('completes a known radio with what the device draws, and says where its numbers are from', () => {
    const { models } = resolvePolicy({
      objective: 'energy',
      power: { computeWatts: 8, idleWatts: 2, radio: '4g' },
    });
    expect(models?.power).toEqual({ computeWatts: 8, idleWatts: 2, ...RADIOS['4g'] });
  });

  it('takes a node of the model in place of a depth', () => {
    const depthOfNode = (name: string) => (name === 'mixed4' ? 0.4 : undefined);
    expect(resolvePolicy({ afterNode: 'mixed4' }, depthOfNode).constraints).toEqual({ minDepth: 0.4 });
    expect(() => resolvePolicy({ afterNode: 'mixed9' }, depthOfNode)).toThrow("no node or value 'mixed9'");
    expect(() => resolvePolicy({ afterNode: 'mixed4', minDepth: 0.1 }, depthOfNode)).toThrow('not both');
  });

  it.each([
    [{ objective: 'fast' }, 'policy.objective'],
    [{ deadlineMs: -1 }, 'policy.deadlineMs'],
    [{ deadline: 100 }, 'deadline'],
    [{ afterNode: 'mixed4' }, 'policy.afterNode'],
    [{ objective: 'energy' }, 'policy.power: needed for the objective energy'],
    [{ objective: 'cost' }, 'policy.prices'],
    [{ power: { computeWatts: 1, idleWatts: 1 } }, 'needs radio'],
    ['latency', 'policy'],
  ])('refuses %j and names the field', (content, message) => {
    let caught: unknown;
    try {
      resolvePolicy(content);
    } catch (error) {
      caught = error;
    }
    expect(isSplitError(caught) && caught.code).toBe('options-invalid');
    expect((caught as Error).message).toContain(message);
  });
});
