/** What a simulation found, before it is shown as text, page or JSON. */
import type { PolicyResult } from '../adaptive/compare.ts';
import type { TraceLink } from '../adaptive/trace-link.ts';
import type { Plan } from '../planner/plan-file.ts';

export interface Simulation {
  readonly plan: Plan;
  /** Name of the file, without its folder. */
  readonly trace: string;
  readonly uplink: TraceLink;
  /** As comparePolicies gives them: oracle, controller, and the rest. */
  readonly results: readonly PolicyResult[];
  readonly devices: number;
  readonly everyMs: number;
  readonly scale: number;
}

export function resultNamed({ results }: Simulation, name: string): PolicyResult {
  const found = results.find((result) => result.name === name);
  if (!found) throw new RangeError(`no policy is called ${name}`);
  return found;
}

/** Percent over the oracle's mean. */
export function overOracle(simulation: Simulation, { meanMs }: PolicyResult): number {
  return 100 * (meanMs / resultNamed(simulation, 'oracle').meanMs - 1);
}

/** The first line of everything that `simulate` shows. */
export function answer(simulation: Simulation): string {
  const controller = resultNamed(simulation, 'controller');
  const over = overOracle(simulation, controller);
  const fixed = simulation.results.slice(4).reduce((a, b) => (b.meanMs < a.meanMs ? b : a));
  const saved = 100 * (1 - controller.meanMs / fixed.meanMs);
  const against = saved >= 0 ? `${saved.toFixed(1)} % less than` : `${(-saved).toFixed(1)} % more than`;
  return `The controller takes ${controller.meanMs.toFixed(0)} ms a request, ${over.toFixed(1)} % over one that knows the future, and ${against} the best arm alone (${fixed.name}).`;
}

export function sceneText({ trace, scale, uplink, devices, everyMs }: Simulation): string {
  const rate = everyMs === 0 ? 'one request after the other' : `a request every ${everyMs} ms`;
  const scaled = scale === 1 ? '' : `, rates times ${scale}`;
  return `${trace}${scaled}, ${(uplink.durationMs / 1000).toFixed(0)} s; ${devices} ${devices === 1 ? 'device' : 'devices'}, ${rate}`;
}

/** The arm in use over time, as stretches. Of the first device. */
export function stays(
  result: PolicyResult,
): readonly { readonly armId: string; readonly fromMs: number; readonly toMs: number }[] {
  const list: { armId: string; fromMs: number; toMs: number }[] = [];
  for (const { device, armId, startMs, totalMs } of result.requests) {
    if (device !== 0) continue;
    const last = list.at(-1);
    if (last) last.toMs = startMs;
    if (last?.armId !== armId) list.push({ armId, fromMs: startMs, toMs: startMs + totalMs });
    else last.toMs = startMs + totalMs;
  }
  return list;
}
