/** Arms of a row of gateways for which one of them has no room: it would have more weights to hold than its memory. */
import type { PlannedArm } from '../planner/planned-arm.ts';
import type { SplitModel } from '../session/open-model.ts';
import { stageWeightBytes } from './stage-weights.ts';

/**
 * Names `memory` where an arm has no room.
 * @param roomBytes of each gateway, in the order in which a request passes them; undefined is enough for all
 */
export function roomRule(
  model: SplitModel,
  roomBytes: readonly (number | undefined)[],
): (arm: PlannedArm) => readonly string[] {
  const cutCalled = (name: string) =>
    model.cuts.find(({ id, position }) => id === name || (name === 'input' && position === 0));
  return ({ id, kind }) => {
    if (kind === 'device') return [];
    const [where = ''] = id.split('/');
    const ends = where.split(/[>-]/).flatMap((name) => cutCalled(name) ?? []);
    const [, ...behind] = stageWeightBytes(model, ends);
    // Behind the second cut of a U is the device again, which has the whole model: fewer gateways than stretches.
    const stretches = where.includes('-') ? behind.slice(0, -1) : behind;
    return stretches.some((bytes, i) => bytes > (roomBytes[i] ?? Number.POSITIVE_INFINITY)) ? ['memory'] : [];
  };
}
