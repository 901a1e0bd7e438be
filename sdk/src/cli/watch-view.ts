/** One picture of a session in a terminal: link, cut, where the last request's time went, and why the cut changed. */
import { sparkline } from '../report/sparkline.ts';
import { formatNumber } from '../report/table.ts';
import { wrap } from '../report/wrap.ts';
import type { WatchedTrace, WatchState } from './watch-state.ts';

const STAGES = ['head', 'encode', 'uplink', 'queue', 'tail', 'downlink', 'decode'] as const;
/** The device's stages, the link's and the gateway's, as on the pages. */
const COLOURS: Readonly<Record<(typeof STAGES)[number], number>> = {
  head: 34,
  encode: 36,
  uplink: 32,
  queue: 90,
  tail: 33,
  downlink: 35,
  decode: 94,
};
const BAR_WIDTH = 44;
const WINDOW = 20;

export function watchView(state: WatchState, { colours }: { readonly colours: boolean }): string {
  const last = state.traces.at(-1);
  if (!last) return `no request yet (${state.strangeLines} lines that are none)\n`;
  const parts = [
    wrap(`${last.arm}: ${formatNumber(last.totalMs)} ms${last.fallback ? ', finished by the device' : ''}`),
    rows(state),
    STAGES.map((stage) => bar(stage, last, colours)).join('\n'),
    `times  ${sparkline(
      state.traces.map(({ totalMs }) => totalMs),
      { width: 70 },
    )}`,
    ...changes(state),
  ];
  return `${parts.join('\n\n')}\n`;
}

function rows({ traces, requests, fallbacks, switches }: WatchState): string {
  const recent = traces.slice(-WINDOW);
  const meanMs = recent.reduce((sum, { totalMs }) => sum + totalMs, 0) / recent.length;
  const sending = recent.filter(({ sentBytes, uplinkMs }) => sentBytes > 0 && uplinkMs > 0).at(-1);
  const rate = sending ? (sending.sentBytes * 8) / sending.uplinkMs / 1000 : undefined;
  return [
    `link   ${rate === undefined ? 'not used' : `${formatNumber(rate)} Mbit/s, delay included`}`,
    `queue  ${formatNumber(sending?.queueMs ?? 0)} ms at the gateway`,
    `mean   ${formatNumber(meanMs)} ms of the last ${recent.length}`,
    `total  ${requests} requests, ${switches} changes, ${fallbacks} finished by the device`,
  ].join('\n');
}

/** All bars of one request share a scale. */
function bar(stage: (typeof STAGES)[number], trace: WatchedTrace, colours: boolean): string {
  const ms = trace[`${stage}Ms`];
  const drawn = '█'.repeat(Math.round((ms / Math.max(trace.totalMs, 1e-9)) * BAR_WIDTH));
  const shown = colours && drawn !== '' ? `\u001b[${COLOURS[stage]}m${drawn}\u001b[0m` : drawn;
  return `${stage.padEnd(9)}${formatNumber(ms).padStart(7)} ms  ${shown}`.trimEnd();
}

function changes({ changes: list }: WatchState): readonly string[] {
  if (list.length === 0) return [];
  const lines = list.map(({ from, to, cause, reason }) => wrap(reason ?? `${from} -> ${to}: ${cause}`));
  return [['changes, the newest last', ...lines].join('\n')];
}
