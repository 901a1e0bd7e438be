import { describe, expect, it } from 'vitest';
import type { Reference } from '../codec/codec.ts';
import type { SplitArm } from '../planner/arm.ts';
import { createReferenceFrames, type FrameWay } from './reference-frames.ts';

describe('the frames to build on', () => {
  it('are those that the gateway answered last, for the same gateway and arm only', () => {
    const frames = createReferenceFrames();
    expect(frames.known(way()).size).toBe(0);
    frames.acknowledge(way(), sent(frames.nextNumber(), 'one'));
    expect(frames.known(way()).get('x')?.id).toBe('one');
    expect(frames.known(way({ gateway: 'other' })).size).toBe(0);
    expect(frames.known(way({ arm: 'cut-2' })).size).toBe(0);
  });

  it('do not go back to an earlier one whose answer comes late', () => {
    const frames = createReferenceFrames();
    const [first, second] = [frames.nextNumber(), frames.nextNumber()];
    frames.acknowledge(way(), sent(second, 'two'));
    frames.acknowledge(way(), sent(first, 'one'));
    expect(frames.known(way()).get('x')?.id).toBe('two');
  });

  it('are none after the gateway lost them, whatever it still answers from before', () => {
    const frames = createReferenceFrames();
    const [first, before] = [frames.nextNumber(), frames.nextNumber()];
    frames.acknowledge(way(), sent(first, 'one'));
    frames.forget();
    frames.acknowledge(way(), sent(before, 'before'));
    expect(frames.known(way()).size).toBe(0);
    frames.acknowledge(way(), sent(frames.nextNumber(), 'after'));
    expect(frames.known(way()).get('x')?.id).toBe('after');
  });
});

function way({ gateway = 'here', arm = 'cut-1' } = {}): FrameWay {
  return { gateway, arm: { id: arm } as SplitArm };
}

function sent(number: number, id: string) {
  return { number, references: new Map([['x', { id } as Reference]]) };
}
