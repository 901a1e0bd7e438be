/** Scales a link to a plan so that there is something to decide: two arms are each the oracle's choice for a fifth. */
import { oraclePolicy } from '../../../sdk/src/adaptive/rivals.ts';
import type { SimulatedPlan } from '../../../sdk/src/adaptive/simulated-plan.ts';
import { createTraceLink } from '../../../sdk/src/adaptive/trace-link.ts';
import { playScene } from './plays.ts';
import type { Scene, Shape } from './scenes.ts';

export interface ScaledScene {
  readonly scene: Scene;
  readonly factor: number;
  /** Shares of the requests for which the two arms most chosen are the oracle's choice. */
  readonly shares: readonly [number, number];
}

const LEAST_SHARE = 0.2;
/** Around the trace as it is, the nearest first: steps of a sixth of an octave, then finer ones for links that hardly vary. */
const FACTORS = [...stepsOf(6), ...stepsOf(48)];

function stepsOf(perOctave: number): readonly number[] {
  const count = 20 * perOctave + 1;
  return Array.from(
    { length: count },
    (_, i) => 2 ** (((i % 2 === 0 ? 1 : -1) * Math.ceil(i / 2)) / perOctave),
  );
}

/** The factor nearest to 1 that does; undefined where none does. */
export function scaleTo(plan: SimulatedPlan, shape: Shape): ScaledScene | undefined {
  for (const factor of FACTORS) {
    const scene = sceneAt(shape, factor);
    const shares = topShares(plan, scene);
    if (shares[1] >= LEAST_SHARE) return { scene, factor, shares };
  }
  return undefined;
}

export function sceneAt({ samples, ...rest }: Shape, factor: number): Scene {
  const uplink = createTraceLink(samples, factor);
  return { ...rest, uplink, durationMs: uplink.durationMs };
}

function topShares(plan: SimulatedPlan, scene: Scene): readonly [number, number] {
  const counts = new Map<string, number>();
  const requests = playScene(plan, scene, oraclePolicy);
  for (const { armId } of requests) counts.set(armId, (counts.get(armId) ?? 0) + 1);
  const [first = 0, second = 0] = [...counts.values()].toSorted((a, b) => b - a);
  return [first / requests.length, second / requests.length];
}
