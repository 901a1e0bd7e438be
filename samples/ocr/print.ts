/** What `npm start` says at its end: the text, a table for each rule, and what was shown. */

import type { Step } from './measure.ts';
import type { Row, RuleReport } from './report.ts';
import { type Cell, renderTable } from './table.ts';

export interface Result {
  readonly slowdown: number;
  readonly roundTripMs: number;
  readonly uncutText: readonly string[];
  readonly cuts: Readonly<Record<string, number>>;
  readonly reports: readonly RuleReport[];
  readonly steps: readonly Step[];
}

const TITLES = {
  'may-leave': 'Rule 1: anything may leave the device',
  stay: 'Rule 2: the picture must not leave the device',
} as const;

export function printJson(result: Result): void {
  const { steps, reports, ...rest } = result;
  console.log(
    JSON.stringify(
      { ...rest, rules: reports, arms: steps.map(({ bitsPerSecond, arms }) => ({ bitsPerSecond, ...arms })) },
      null,
      2,
    ),
  );
}

export function printReports(result: Result): void {
  const { slowdown, roundTripMs, uncutText, reports } = result;
  const same = reports.every(({ rows }) => rows.every(({ textEqualsUncut }) => textEqualsUncut));
  console.log(`Text read: ${uncutText.join(' / ')}`);
  console.log(
    `At every bandwidth the cut models read ${same ? 'the same as' : 'SOMETHING ELSE than'} the uncut ones.\n`,
  );
  const edge =
    slowdown === 1
      ? 'the edge runs as fast as it can'
      : `the edge idles until it is ${slowdown} times slower than it ran`;
  console.log(
    `One picture, two models (PP-OCRv4 detector and recogniser); ${edge}; round trip ${roundTripMs} ms.`,
  );
  for (const report of reports) printReport(report);
  console.log(
    '\nencode holds the decoding of the reply, tail the decoding and encoding in the gateway. Depth in % of the nodes.',
  );
  console.log(conclusion(reports));
}

function printReport({ rule, rows }: RuleReport): void {
  console.log(`\n${TITLES[rule]}`);
  console.log(
    renderTable(
      ['Mbit/s', 'detector', 'recogniser'],
      rows.map((row) => [rate(row), row.chosen.detector, row.chosen.recogniser]),
    ),
  );
  console.log('');
  const stages = ['Mbit/s', 'KB sent', 'head', 'encode', 'uplink', 'queue', 'tail', 'downlink', 'total ms'];
  console.log(renderTable(stages, rows.map(stageCells)));
  console.log('');
  const ends = [
    'Mbit/s',
    'chosen ms',
    'edge only',
    ...(rule === 'may-leave' ? ['raw input', 'picture'] : []),
    'best measured',
  ];
  console.log(renderTable(ends, rows.map(endCells)));
}

function stageCells(row: Row): readonly Cell[] {
  const { headMs, encodeMs, uplinkMs, queueMs, tailMs, downlinkMs, totalMs } = row;
  return [rate(row), row.sentBytes / 1000, headMs, encodeMs, uplinkMs, queueMs, tailMs, downlinkMs, totalMs];
}

function endCells(row: Row): readonly Cell[] {
  const cloud = row.cloudRawMs === undefined ? [] : [row.cloudRawMs, row.cloudPictureMs ?? Number.NaN];
  return [rate(row), row.totalMs, row.edgeOnlyMs, ...cloud, row.bestMs];
}

const rate = ({ bitsPerSecond }: Row) => bitsPerSecond / 1e6;

/** The line that a reader takes home. */
function conclusion(reports: readonly RuleReport[]): string {
  const strict = reports.find(({ rule }) => rule === 'stay')?.rows ?? [];
  const last = strict.at(-1);
  const gain = last === undefined ? 0 : Math.round((1 - last.totalMs / last.edgeOnlyMs) * 100);
  return `Shown: the cut follows the link; with the picture kept on the device, splitting saves ${gain} % of edge-only at 100 Mbit/s. Read on: samples/ocr/README.md, docs/lifecycle.md`;
}
