/** The page at `/`: what this gateway serves, to whom, how fast. The same HTML is sent once as a page, then each second. */
import {
  formatNumber,
  htmlTable,
  type PageOptions,
  renderMain,
  renderPage,
  type Section,
} from '@cutpoint/sdk/report';
import { stageChart, throughputChart } from './charts.ts';
import { LIVE_SCRIPT } from './live-script.ts';
import type { LiveSnapshot } from './live-state.ts';
import { STAGES } from './recent.ts';

/** Numbers that change do not move what stands beside them, and a phone shows the first columns whole. */
const STYLE = `
td { white-space: nowrap; }
td:last-child { min-width: 0; }
@media (max-width: 32rem) { th, td { padding: .3rem .4rem; } table { font-size: .85rem; } }
`;

export interface PageFacts {
  readonly gateway: string;
  readonly version: string;
  /** Without a login. */
  readonly broker: string;
}

export function renderLivePage(facts: PageFacts, snapshot: LiveSnapshot): string {
  return renderPage({
    ...contentOf(facts, snapshot),
    title: `Gateway ${facts.gateway}`,
    script: LIVE_SCRIPT,
    style: STYLE,
  });
}

/** What stands inside `<main>`, for the page to take over. */
export function renderLiveMain(facts: PageFacts, snapshot: LiveSnapshot): string {
  return renderMain(contentOf(facts, snapshot));
}

function contentOf(facts: PageFacts, now: LiveSnapshot): Omit<PageOptions, 'title'> {
  return {
    answer: answerOf(now),
    subtitle: `Gateway ${facts.gateway}, version ${facts.version}, broker ${facts.broker}. Rates are of the last 10 s, times of the last minute.`,
    picture: { svg: throughputChart(now), caption: 'Requests a second over the last two minutes.' },
    sections: [models(now), stages(now), cuts(now), queue(now), devices(now), executors(now)],
  };
}

function answerOf({ models: all, devices: { inLastMinute }, ...now }: LiveSnapshot): string {
  const ready = all.filter(({ state }) => state === 'ready' || state === 'retiring');
  const serving = `${counted(new Set(ready.map(({ model }) => model)).size, 'model')} for ${counted(inLastMinute, 'device')}`;
  const refused =
    now.refusedPerSecond > 0
      ? `${formatNumber(now.refusedPerSecond)} a second are refused`
      : 'none is refused';
  const { queue: waiting } = now;
  return `Serving ${serving}: ${formatNumber(now.answeredPerSecond)} requests a second are answered, ${refused}; a newcomer waits ${formatNumber(waiting.expectedWaitMs)} ms.`;
}

function models({ models: all }: LiveSnapshot): Section {
  const columns = [
    { title: 'Model' },
    { title: 'Answered', unit: '1/s' },
    { title: 'p50', unit: 'ms' },
    { title: 'p99', unit: 'ms' },
    { title: 'State' },
    { title: 'Batch', unit: 'mean' },
    { title: 'Batching' },
  ];
  const rows = all.map(({ state, ranks, answeredPerSecond, batching, recent, ...model }) => [
    ...[nameOf(model), answeredPerSecond, recent?.total.p50Ms, recent?.total.p99Ms],
    ...[ranks ? `${state}, on ${ranks} ranks` : state, recent?.meanBatchSize, batching],
  ]);
  const caption = 'From the last byte of a request to its answer';
  return { heading: 'Models', html: htmlTable({ caption, columns, rows }) };
}

function stages(now: LiveSnapshot): Section {
  const columns = [
    { title: 'Model' },
    { title: 'Stage' },
    { title: 'p50', unit: 'ms' },
    { title: 'p99', unit: 'ms' },
  ];
  const rows = now.models.flatMap(({ recent, ...model }) =>
    recent === undefined
      ? []
      : STAGES.map((stage) => {
          const { p50Ms, p99Ms } = recent.stages[stage];
          return [nameOf(model), stage, p50Ms, p99Ms];
        }),
  );
  const caption = 'Each stage by itself: the p99 do not add up';
  return {
    heading: 'Where the time goes',
    html: `${stageChart(now)}${htmlTable({ caption, columns, rows })}`,
  };
}

function cuts({ models: all }: LiveSnapshot): Section {
  const columns = [
    { title: 'Model' },
    { title: 'Cut' },
    { title: 'Share', unit: '%' },
    { title: 'Tail', unit: 'p50, ms' },
  ];
  const rows = all.flatMap(({ recent, ...model }) =>
    (recent?.cuts ?? []).map(({ cut, share, tailP50Ms }) => [nameOf(model), cut, share * 100, tailP50Ms]),
  );
  return {
    heading: 'Cuts in use',
    html: htmlTable({ caption: 'Of the last minute; input: the whole model runs here', columns, rows }),
  };
}

function queue({ queue: waiting, refusals }: LiveSnapshot): Section {
  const columns = [{ title: 'What' }, { title: 'Now' }, { title: 'Unit' }];
  const rows = [
    ['Requests that wait or run', waiting.length, ''],
    ['Work ahead of a newcomer', waiting.expectedWaitMs, 'ms'],
    ['Congestion price', waiting.congestionPrice, 'ms a ms'],
    ...refusals.map(({ code, perSecond }) => [`Refused: ${code}`, perSecond, '1/s']),
  ];
  return { heading: 'Queue and refusals', html: htmlTable({ caption: 'Now', columns, rows }) };
}

function devices({ devices: { latest, inLastMinute }, nowMs }: LiveSnapshot): Section {
  const columns = [
    { title: 'Device' },
    { title: 'Last seen', unit: 's ago' },
    { title: 'Uplink', unit: 'Mbit/s' },
    { title: 'Cut' },
    { title: 'Requests' },
    { title: 'Refused' },
    { title: 'Model' },
  ];
  // By name: in the order in which they were heard, rows would change places all the time.
  const byName = latest.toSorted((a, b) => NAMES.compare(a.device, b.device));
  const rows = byName.map((each) => [
    ...[each.device, Math.floor((nowMs - each.lastSeenMs) / 1000)],
    ...[each.uplinkBitsPerSecond === undefined ? undefined : each.uplinkBitsPerSecond / 1e6],
    ...[each.cut, each.requests, each.refusals, each.model],
  ]);
  const caption = `${counted(inLastMinute, 'device')} in the last minute; the ${latest.length} heard last`;
  return { heading: 'Devices', html: htmlTable({ caption, columns, rows }) };
}

function executors({ executors: all }: LiveSnapshot): Section {
  const columns = [
    { title: 'Executor' },
    { title: 'Provider' },
    { title: 'Batches', unit: '1/s' },
    { title: 'Busy', unit: '%' },
    { title: 'State' },
  ];
  const rows = all.map(({ executor, provider, batchesPerSecond, busyShare, state }) => [
    ...[executor, provider, batchesPerSecond, busyShare * 100, state],
  ]);
  return {
    heading: 'Executors',
    html: htmlTable({ caption: 'Provider as it was seen to run', columns, rows }),
  };
}

const NAMES = new Intl.Collator('en', { numeric: true });

function nameOf({ model, version }: { readonly model: string; readonly version: string }): string {
  return `${model} ${version}`.trim();
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
