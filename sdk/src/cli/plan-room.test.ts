import { afterAll, beforeAll, expect, it } from 'vitest';
import { smallConvNet } from '../../../test/support/models/small-conv-net.ts';
import type { PlannedArm } from '../planner/planned-arm.ts';
import { createOrtNode } from '../runtime/ort-node.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { openModel, type SplitModel } from '../session/open-model.ts';
import { memorySource } from '../source/memory.ts';
import { roomRule } from './plan-room.ts';
import { stageWeightBytes } from './stage-weights.ts';

let runtime: Runtime;
let model: SplitModel;
beforeAll(async () => {
  runtime = await createOrtNode();
  model = await openModel(memorySource(smallConvNet()), runtime);
});
afterAll(() => runtime.close());

const armCalled = (id: string) => ({ id, kind: 'split' }) as PlannedArm;

it('counts for each gateway of a row what lies between its cuts, and nothing of what the device does', () => {
  const [first, second] = [0.3, 0.7].map((depth) => model.cuts.find((cut) => cut.depth >= depth));
  if (!first || !second) throw new Error('the net has no such cuts');
  const [, middle = 0, end = 0] = stageWeightBytes(model, [first, second]);
  expect(Math.min(middle, end)).toBeGreaterThan(0);
  const lacks = (id: string, ...roomBytes: (number | undefined)[]) =>
    roomRule(model, roomBytes)(armCalled(id));
  const [row, u] = [`${first.id}>${second.id}/uint8-channels+context`, `${first.id}-${second.id}/uint8`];
  const one = `${first.id}/uint8-channels+context`;
  expect([lacks(one, middle + end), lacks(one, middle + end - 1)]).toEqual([[], ['memory']]);
  expect([lacks(row, middle, end), lacks(row, middle - 1, end)]).toEqual([[], ['memory']]);
  expect([lacks(row, middle, end - 1), lacks(row)]).toEqual([['memory'], []]);
  expect([lacks(u, middle), lacks(u, middle - 1)]).toEqual([[], ['memory']]);
});
