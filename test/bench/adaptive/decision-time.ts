/** What one decision takes, with what was learnt from the request before. */
import { createController } from '../../../sdk/src/adaptive/controller.ts';
import { playedArms } from '../../../sdk/src/adaptive/simulated-plan.ts';
import { DEVICE_ARM } from '../../../sdk/src/planner/arm.ts';
import { predictStages } from '../../../sdk/src/planner/cost-model.ts';
import { median } from '../statistics.ts';
import type { NamedPlan } from './cases.ts';

const ROUNDS = 9;
const DECISIONS = 2000;

/** Microseconds, median over rounds; the link wavers so that arms change. Learning is not part of it. */
export function decisionUs(plan: NamedPlan): number {
  const arms = playedArms(plan);
  const list = arms.map(({ arm }) => arm);
  const controller = createController(DEVICE_ARM);
  for (const { arm, cost } of arms) controller.setCost(arm, cost, 10);
  const rounds: number[] = [];
  for (let round = -3; round < ROUNDS; round++) {
    let spentMs = 0;
    for (let i = 0; i < DECISIONS; i++) {
      const nowMs = i * 200;
      const startMs = performance.now();
      const { arm } = controller.decide(list, nowMs);
      spentMs += performance.now() - startMs;
      learn(nowMs, arm.id);
    }
    if (round >= 0) rounds.push((spentMs * 1000) / DECISIONS);
  }
  return median(rounds);

  function learn(atMs: number, id: string): void {
    const played = arms.find(({ arm }) => arm.id === id);
    if (!played) return;
    const { arm, cost } = played;
    const uplinkBitsPerSecond = 1e6 * 2 ** (3 * Math.sin(atMs / 5000));
    const now = { ...plan.link, uplinkBitsPerSecond, deviceSlowdown: 1, cloudSlowdown: 1 };
    const stages = predictStages(cost, now);
    const { uplinkMs, downlinkMs } = stages;
    const link = { atMs, sentBytes: cost.sentBytes, uplinkMs, receivedBytes: cost.receivedBytes, downlinkMs };
    controller.observe(arm.kind === 'split' ? { arm, stages, link } : { arm, stages }, atMs);
  }
}
