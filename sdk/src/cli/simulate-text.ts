/** What `cutpoint simulate` prints. */

import type { PolicyResult } from '../adaptive/compare.ts';
import { changeText } from '../adaptive/decision.ts';
import { type Cell, renderTable } from '../report/table.ts';
import { wrap } from '../report/wrap.ts';
import { answer, overOracle, resultNamed, type Simulation, sceneText } from './simulation.ts';

const COLUMNS = [
  { title: 'who chooses' },
  { title: 'mean', unit: 'ms' },
  { title: 'p95', unit: 'ms' },
  { title: 'over oracle', unit: '%' },
  { title: 'switches', unit: '/min' },
  { title: 'late' },
  { title: 'probes' },
] as const;
const SHOWN_CHANGES = 8;

export function simulateText(simulation: Simulation, colours: boolean): string {
  const table = renderTable(COLUMNS, simulationRows(simulation), { colours });
  const changes = changesOf(resultNamed(simulation, 'controller'));
  const list = changes
    .slice(0, SHOWN_CHANGES)
    .map(({ atMs, text }) => wrap(`${(atMs / 1000).toFixed(1)} s: ${text}`));
  const more = changes.length - list.length;
  const parts = [wrap(answer(simulation)), wrap(sceneText(simulation)), table];
  if (list.length > 0)
    parts.push(['Why the arm changed:', ...list, ...(more > 0 ? [`and ${more} more`] : [])].join('\n'));
  return `${parts.join('\n\n')}\n`;
}

export function simulationRows(simulation: Simulation): readonly Cell[][] {
  return simulation.results.map((result) => [
    result.name,
    result.meanMs,
    result.p95Ms,
    overOracle(simulation, result),
    result.switchesPerMinute,
    result.late,
    result.probes,
  ]);
}

export const SIMULATION_COLUMNS: typeof COLUMNS = COLUMNS;

export function simulateJson(simulation: Simulation): string {
  const { plan, trace, scale, devices, everyMs, uplink } = simulation;
  const policies = simulation.results.map(({ requests, ...figures }) => ({
    ...figures,
    requests: requests.length,
  }));
  const controller = resultNamed(simulation, 'controller');
  const requests = controller.requests.map(({ change, ...request }) => ({
    ...request,
    ...(change && { cause: change.cause, reason: changeText(change) }),
  }));
  const { durationMs } = uplink;
  return `${JSON.stringify({ plan: plan.hash, trace, scale, devices, everyMs, durationMs, policies, requests })}\n`;
}

export function changesOf({
  requests,
}: PolicyResult): readonly { readonly atMs: number; readonly text: string }[] {
  return requests.flatMap(({ change, startMs, device }) =>
    change && device === 0 ? [{ atMs: startMs, text: changeText(change) }] : [],
  );
}
