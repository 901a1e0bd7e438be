/** Parts of the strategy document about running it: capacity, costs, alerts, and what all of it rests on. */
import type { CapacityReport } from '../capacity/capacity-report.ts';
import {
  brokerText,
  classTable,
  costTable,
  memoryTables,
  regionTable,
  sensitivityTable,
} from './capacity-text.ts';
import type { DocumentPart } from './report-document.ts';
import { facts, type StrategySources } from './report-facts.ts';

export function capacityPart({ capacity, seed }: StrategySources): DocumentPart {
  const { laws, seconds } = capacity;
  return {
    heading: 'Capacity',
    paragraphs: [
      `Simulated: ${seconds} s with seed ${seed}, each device with its own controller, each gateway with its own queue and batches. Little's law is off by ${laws.littleGap.toExponential(1)}, utilisation by ${laws.utilisationGap.toExponential(1)}; ${laws.lost} requests were lost.`,
      brokerText(capacity),
    ],
    tables: [
      regionTable(capacity),
      ...memoryTables(capacity),
      classTable(capacity),
      sensitivityTable(capacity),
    ],
  };
}

export function costs(capacity: CapacityReport): DocumentPart {
  const { currency, perGatewayHour, perGigabyte, perDeviceHour } = capacity.fleet.prices;
  return {
    heading: 'Costs',
    tables: [
      costTable(capacity),
      facts('Prices.', [
        ['a gateway, for an hour', `${perGatewayHour} ${currency}`, 'given: fleet.yaml'],
        ['10^9 bytes', `${perGigabyte} ${currency}`, 'given: fleet.yaml'],
        ['a device that computes, for an hour', `${perDeviceHour} ${currency}`, 'given: fleet.yaml'],
      ]),
    ],
  };
}

/** The alerts that the gateway's deployment brings, and what to do. */
export const RUNBOOKS: readonly (readonly [alert: string, page: string])[] = [
  ['CutpointGatewayDown', 'gateway-down'],
  ['CutpointOverloaded', 'overloaded'],
  ['CutpointQueueSlow', 'queue-slow'],
  ['CutpointGatewayFailures', 'gateway-failures'],
  ['CutpointModelsDiffer', 'models-differ'],
  ['CutpointModelFailed', 'model-failed'],
  ['CutpointExecutorDown', 'executor-down'],
  ['CutpointExecutorFailing', 'executor-failing'],
  ['CutpointEventLoopBlocked', 'event-loop-blocked'],
  ['CutpointMemoryGrows', 'memory-grows'],
];

export function watching(): DocumentPart {
  return {
    heading: 'Watching it',
    tables: [
      {
        caption: 'Alerts, and the pages that say what to do.',
        columns: [{ title: 'alert' }, { title: 'runbook' }],
        rows: RUNBOOKS.map(([alert, page]) => [alert, `docs/runbooks/${page}.md`]),
      },
    ],
  };
}

export function origins({ plan, capacity, digests, command }: StrategySources): DocumentPart {
  return {
    heading: 'Assumptions and digests',
    steps: [...new Set([...plan.assumptions, ...capacity.assumptions])],
    tables: [
      facts('What this document is made of.', [
        ...digests.map(({ file, sha256 }): [string, string, string] => [file, sha256, 'SHA-256 of the file']),
        ['model', plan.modelDigest, 'the plan'],
        ['plan', plan.hash, 'SHA-256 of its content'],
        ['command', command, ''],
      ]),
    ],
  };
}
