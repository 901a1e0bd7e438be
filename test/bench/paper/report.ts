/** The suite's tables: what each cell came to, and published speed-ups beside ours. */
import type { StageTimes } from '../../../sdk/src/planner/cost-model.ts';
import { median } from '../statistics.ts';
import { baselineGain, type Cell, pickRatio, predictionError, settledMs, speedUp } from './cell-figures.ts';

export function paperReport(cells: readonly Cell[]): string {
  return [cellTable(cells), errorTable(cells), stageTable(cells), publishedTable(cells)].join('\n\n');
}

function cellTable(cells: readonly Cell[]): string {
  return [
    '| net | device | uplink, Mbit/s | the plan picks | predicted, ms | measured | error | to the best arm | best baseline | gains |',
    '|---|---|---|---|---|---|---|---|---|---|',
    ...cells.map(cellRow),
  ].join('\n');
}

function cellRow(cell: Cell): string {
  const { model, edgeSlowdown, uplinkBitsPerSecond, arms, pickId, baselineIds } = cell;
  const pick = arms.find(({ id }) => id === pickId);
  if (!pick) throw new Error(`${model}: arm ${pickId} was picked but not measured`);
  const msOf = (id: string) => {
    const arm = arms.find((arm) => arm.id === id);
    return arm ? settledMs(arm) : Number.POSITIVE_INFINITY;
  };
  const [rival] = Object.entries(baselineIds).toSorted((a, b) => msOf(a[1]) - msOf(b[1]));
  const fields = [
    model,
    edgeSlowdown === 1 ? 'as fast' : `${edgeSlowdown} times slower`,
    String(uplinkBitsPerSecond / 1e6),
    pick.name,
    pick.predictedMs.toFixed(1),
    pick.measuredMs.toFixed(1),
    percent(pick.predictedMs / pick.measuredMs - 1),
    pickRatio(cell).toFixed(3),
    rival?.[0] ?? '',
    percent(baselineGain(cell)),
  ];
  return `| ${fields.join(' | ')} |`;
}

/** Over all measured arms, not the picks alone. */
function errorTable(cells: readonly Cell[]): string {
  const rows = [...new Set(cells.map(({ model }) => model))].map((model) => {
    const arms = cells.filter((cell) => cell.model === model).flatMap((cell) => cell.arms);
    const errors = arms.map(predictionError).sort((a, b) => a - b);
    const at = (share: number) => percent(errors[Math.floor(share * (errors.length - 1))] ?? 0);
    return `| ${model} | ${errors.length} | ${at(0.5)} | ${at(0.9)} | ${at(1)} |`;
  });
  return [
    '| net | arms measured | median error | 9 of 10 within | worst |',
    '|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

const STAGES: Readonly<Record<string, (stages: StageTimes) => number>> = {
  head: ({ headMs }) => headMs,
  encode: ({ encodeMs }) => encodeMs,
  link: ({ uplinkMs, downlinkMs }) => uplinkMs + downlinkMs,
  'tail, codec and queue': ({ tailMs, queueMs }) => tailMs + queueMs,
  decode: ({ decodeMs }) => decodeMs,
};

/** By how much each stage took longer than predicted, in milliseconds: medians over the arms that send something. */
function stageTable(cells: readonly Cell[]): string {
  const groups = [...new Set(cells.map(groupOf))];
  const rows = groups.map((group) => {
    const arms = cells.filter((cell) => groupOf(cell) === group).flatMap((cell) => cell.arms);
    const pairs = arms.flatMap(({ id, predicted, measured }) =>
      predicted && measured && id !== 'device' ? [{ predicted, measured }] : [],
    );
    const late = Object.values(STAGES).map((of) =>
      median(pairs.map(({ predicted, measured }) => of(measured) - of(predicted))).toFixed(1),
    );
    return `| ${[group, ...late].join(' | ')} |`;
  });
  const head = ['net, device', ...Object.keys(STAGES)];
  return [`| ${head.join(' | ')} |`, `|${'---|'.repeat(head.length)}`, ...rows].join('\n');
}

const groupOf = ({ model, edgeSlowdown }: Cell) => `${model}, x${edgeSlowdown}`;

interface Published {
  readonly system: string;
  readonly setUp: string;
  readonly figure: string;
  /** Which of our cells and which baseline come nearest to it. */
  readonly baseline: string;
  readonly uplinks: readonly number[];
}

const MOBILE_LINKS = [1.1e6, 5.85e6, 18.88e6];

/** As their abstracts say; against their own baselines, on their machines. */
const PUBLISHED: readonly Published[] = [
  {
    system: 'Neurosurgeon (ASPLOS 2017)',
    setUp: 'Jetson TK1 and a K40; 3G, LTE, Wi-Fi; against the cloud alone',
    figure: '3.1 mean, 40.7 at most',
    baseline: 'cloud raw',
    uplinks: MOBILE_LINKS,
  },
  {
    system: 'DADS (INFOCOM 2019)',
    setUp: '3G, 4G, Wi-Fi; against the device alone',
    figure: '6.45 at most',
    baseline: 'edge only',
    uplinks: MOBILE_LINKS,
  },
  {
    system: 'DADS (INFOCOM 2019)',
    setUp: '3G, 4G, Wi-Fi; against the cloud alone',
    figure: '8.08 at most',
    baseline: 'cloud raw',
    uplinks: MOBILE_LINKS,
  },
];

function publishedTable(cells: readonly Cell[]): string {
  const rows = PUBLISHED.map(({ system, setUp, figure, baseline, uplinks }) => {
    const own = cells.filter(({ uplinkBitsPerSecond }) => uplinks.includes(uplinkBitsPerSecond));
    const { mean, most } = speedUp(own, baseline);
    return `| ${system} | ${setUp} | ${figure} | ${mean.toFixed(1)} mean, ${most.toFixed(1)} at most |`;
  });
  return [
    '| system | set-up | published speed-up | ours on the same links |',
    '|---|---|---|---|',
    ...rows,
  ].join('\n');
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

/** One cell's arms, the best first. */
export function cellText({
  model,
  edgeSlowdown,
  uplinkBitsPerSecond,
  arms,
  pickId,
  baselineIds,
}: Cell): string {
  const names = Object.entries(baselineIds);
  const lines = arms.map(({ id, name, predictedMs, measuredMs, contestMs }) => {
    const roles = names.flatMap(([name, own]) => (own === id ? [name] : []));
    const [predicted, measured] = [predictedMs, measuredMs].map((ms) => ms.toFixed(1).padStart(9));
    const error = `${((predictedMs / measuredMs - 1) * 100).toFixed(1)} %`.padStart(8);
    const contest = (contestMs?.toFixed(1) ?? '').padStart(9);
    return `  ${predicted} ${measured} ${error} ${contest}  ${name}${id === pickId ? ' <- plan' : ''}${roles.length > 0 ? ` (${roles.join(', ')})` : ''}`;
  });
  const head = `${model}, device x${edgeSlowdown}, ${uplinkBitsPerSecond / 1e6} Mbit/s: predicted, measured, error, in the contest`;
  return [head, ...lines].join('\n');
}
