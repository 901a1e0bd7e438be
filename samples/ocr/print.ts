/** What `npm start` says at its end: the text, a table for each rule, and what was shown. */

import { type Cell, renderTable } from '@cutpoint/sdk/report';
import type { Step } from './measure.ts';
import type { Row, RuleReport } from './report.ts';

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
  const edge =
    slowdown === 1
      ? 'The edge runs as fast as it can'
      : `The edge idles after each stage until it is ${slowdown} times slower than it ran`;
  console.log(`Text read: ${uncutText.join(' / ')}`);
  console.log(
    `At every bandwidth the cut models read ${same ? 'the same as' : 'SOMETHING ELSE than'} the uncut ones.`,
  );
  console.log('\nOne picture, two models: PP-OCRv4 detector and recogniser. Milliseconds a picture.');
  console.log(`${edge}; round trip ${roundTripMs} ms.`);
  for (const report of reports) printReport(report);
  for (const line of LEGEND) console.log(line);
  for (const line of cutNames(reports)) console.log(line);
  console.log(`\n${conclusion(reports)}`);
}

const LEGEND = [
  '\nchosen: detector and recogniser. dev: all on the device; pic: the picture as its',
  'file; raw: the input tensor; a number: a cut, by its depth in % of the nodes.',
  'enc holds decoding the reply, tail decoding and encoding in the gateway. edge, raw',
  'and pic: what edge-only and cloud-only took in the same run. A shallow cut still',
  'resembles the picture (SECURITY.md); the option minDepth sets a floor.',
];

function printReport({ rule, rows }: RuleReport): void {
  const cloud = rule === 'may-leave' ? ['raw', 'pic'] : [];
  const stages = ['head', 'enc', 'up', 'queue', 'tail', 'down', 'total'];
  console.log(`\n${TITLES[rule]}`);
  console.log(renderTable(['Mb/s', 'chosen', 'KB', ...stages, 'edge', ...cloud], rows.map(cells)));
}

function cells(row: Row): readonly Cell[] {
  const { headMs, encodeMs, uplinkMs, queueMs, tailMs, downlinkMs, totalMs } = row;
  const cloud = row.cloudRawMs === undefined ? [] : [row.cloudRawMs, row.cloudPictureMs ?? Number.NaN];
  const times = [headMs, encodeMs, uplinkMs, queueMs, tailMs, downlinkMs, totalMs, row.edgeOnlyMs, ...cloud];
  const chosen = `${row.chosen.detector.short} ${row.chosen.recogniser.short}`;
  return [row.bitsPerSecond / 1e6, chosen, Math.round(row.sentBytes / 1000), ...times.map(Math.round)];
}

/** Which tensor crosses at each of the depths in the tables. */
function cutNames(reports: readonly RuleReport[]): readonly string[] {
  const labels = reports.flatMap(({ rows }) => rows.flatMap(({ chosen }) => Object.values(chosen)));
  const cuts = new Map(labels.filter(({ isCut }) => isCut).map(({ short, name }) => [short, name]));
  return [...cuts].map(([depth, name]) => `${depth} % is after ${name}.`);
}

/** The line that a reader takes home. */
function conclusion(reports: readonly RuleReport[]): string {
  const strict = reports.find(({ rule }) => rule === 'stay')?.rows.at(-1);
  const isSplit = strict !== undefined && Object.values(strict.chosen).some(({ isCut }) => isCut);
  if (!isSplit) return `Shown: this edge is best off without the cloud, and the plan says so. ${READ_ON}`;
  const gain = Math.round((1 - strict.totalMs / strict.edgeOnlyMs) * 100);
  return `Shown: the cut follows the link, and with the picture kept on the device splitting saves\n${gain} % of edge-only's time at 100 Mbit/s. ${READ_ON}`;
}

const READ_ON = 'Read on: samples/ocr/README.md';
