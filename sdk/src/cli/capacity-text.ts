/** What `cutpoint capacity` prints, and the tables that its page shares. */
import { type CapacityReport, WORDS } from '../capacity/capacity-report.ts';
import type { HtmlTable } from '../report/html.ts';
import { type Cell, renderTable } from '../report/table.ts';
import { wrap } from '../report/wrap.ts';

export type TableContent = Pick<HtmlTable, 'caption' | 'columns' | 'rows'>;

/** The first line of everything that `capacity` shows. */
export function capacityAnswer({
  fleet,
  regions,
  classes,
  costs,
  isFeasible,
  devices,
}: CapacityReport): string {
  const counted = (count: number) => `${count} ${count === 1 ? 'gateway' : 'gateways'}`;
  const counts = regions.map(({ name, gateways }, i) =>
    regions.length === 1 ? counted(gateways) : `${i === 0 ? counted(gateways) : gateways} in ${name}`,
  );
  const worst = classes.reduce((a, b) => (b.latency.p95Ms > a.latency.p95Ms ? b : a));
  const [own] = costs;
  const price =
    own && own.totalCost > 0
      ? `, for ${money(own.totalCost, fleet.prices.currency)} per 1,000 inferences`
      : '';
  const gateways = counts.join(', ').replace(/, (?!.*, )/, ' and ');
  const start = `${devices.toLocaleString('en')} devices need ${gateways}`;
  if (isFeasible)
    return `${start}: 95 % of the answers come within ${worst.latency.p95Ms.toFixed(0)} ms, objective ${fleet.slo.p95Ms} ms${price}.`;
  return `Not all can be had: with ${gateways} 95 % of the answers come within ${worst.latency.p95Ms.toFixed(0)} ms, objective ${fleet.slo.p95Ms} ms${price}.`;
}

export function money(amount: number, currency: string): string {
  return `${Number(amount.toPrecision(3))} ${currency}`;
}

export function capacityText(report: CapacityReport, colours: boolean): string {
  const tables = [
    regionTable(report),
    ...memoryTables(report),
    ...[classTable, bandTable, costTable, sensitivityTable].map((of) => of(report)),
  ];
  const shown = tables.map(
    ({ caption, columns, rows }) => `${wrap(caption)}\n${renderTable(columns, rows, { colours })}`,
  );
  const parts = [
    wrap(capacityAnswer(report)),
    ...report.problems.map((text) => wrap(`! ${text}`)),
    ...shown,
    wrap(brokerText(report)),
    report.assumptions.map((text) => wrap(`- ${text}`)).join('\n'),
  ];
  return `${parts.join('\n\n')}\n`;
}

export function brokerText({ broker }: CapacityReport): string {
  const { messagesPerSecond, announcementsPerSecond, megabytesPerSecond, brokers } = broker;
  const number = (value: number) => Number(value.toPrecision(3)).toLocaleString('en');
  const parted = brokers > 1 ? ` That is the work of ${brokers} brokers.` : '';
  return `The broker carries ${number(messagesPerSecond)} messages/s, in and out, ${number(announcementsPerSecond)} of them announcements, and ${number(megabytesPerSecond)} MB/s.${parted}`;
}

export function regionTable({ regions, fleet }: CapacityReport): TableContent {
  return {
    caption: `Gateways, each with ${fleet.gateway.executors} ${fleet.gateway.executors === 1 ? 'executor' : 'executors'}: share of the time that these are at work, of the least and the most busy gateway too.`,
    columns: [
      { title: 'region' },
      { title: 'gateways' },
      { title: 'busy', unit: '%' },
      { title: 'least', unit: '%' },
      { title: 'most', unit: '%' },
      { title: 'requests', unit: '1/s' },
      { title: 'batch', unit: 'mean' },
    ],
    rows: regions.map((one): Cell[] => [
      one.name,
      one.gateways,
      100 * one.utilisation,
      100 * one.leastUtilisation,
      100 * one.mostUtilisation,
      one.requestsPerSecond,
      one.meanBatch,
    ]),
  };
}

/** One where something is known of memory, else none. */
export function memoryTables({ regions, fleet }: CapacityReport): readonly TableContent[] {
  const known = regions.flatMap(({ name, memory }) => (memory ? [{ name, memory }] : []));
  if (known.length === 0) return [];
  const { executorMemoryMb, maxBatch, batching, keepVersions } = fleet.gateway;
  const batch = batching === 'none' ? 'one request' : `a batch of ${maxBatch}`;
  const limit = executorMemoryMb === undefined ? '' : `, of ${executorMemoryMb.toLocaleString('en')} MiB`;
  const percent = (share: number | null) => (share === null ? undefined : 100 * share);
  return [
    {
      caption: `Memory that each executor takes${limit}: weights of all models that devices may ask it for, activations of ${batch} of each; update: ${keepVersions} ${keepVersions === 1 ? 'version' : 'versions'} of each, and a new one of the largest.`,
      columns: [
        { title: 'region' },
        { title: 'models' },
        { title: 'weights', unit: 'MiB' },
        { title: 'activations', unit: 'MiB' },
        { title: 'update', unit: 'MiB' },
        { title: 'taken', unit: '%' },
        { title: 'in update', unit: '%' },
      ],
      rows: known.map(({ name, memory }): Cell[] => [
        ...[name, memory.models.length, memory.weightsMb],
        memory.models.every(({ activationsMb }) => activationsMb === null) ? undefined : memory.activationsMb,
        memory.updateMb,
        ...[percent(memory.share), percent(memory.updateShare)],
      ]),
    },
  ];
}

export function classTable({ classes }: CapacityReport): TableContent {
  return {
    caption:
      'Devices: from a request to its answer, and of that the wait at the gateway. Late: the device had finished before the cloud answered.',
    columns: [
      { title: 'class' },
      { title: 'devices' },
      { title: 'req', unit: '1/s' },
      { title: 'p50', unit: 'ms' },
      { title: 'p95', unit: 'ms' },
      { title: 'p99', unit: 'ms' },
      { title: 'queue', unit: 'p95 ms' },
      { title: 'late', unit: '%' },
      { title: 'refused', unit: '%' },
    ],
    rows: classes.map((one): Cell[] => [
      `${one.meetsSlo ? ' ' : '!'} ${one.name}`,
      one.devices,
      one.requestsPerSecond,
      one.latency.p50Ms,
      one.latency.p95Ms,
      one.latency.p99Ms,
      one.queue.p95Ms,
      100 * one.lateShare,
      100 * one.refusedShare,
    ]),
  };
}

export function bandTable({ classes }: CapacityReport): TableContent {
  return {
    caption: 'Cuts, by the rate of the uplink: as the plan has it, and what the controllers used most.',
    columns: [
      { title: 'class' },
      { title: 'uplink' },
      { title: 'requests', unit: '%' },
      { title: 'planned' },
      { title: 'used' },
      { title: 'of them', unit: '%' },
      { title: 'p95', unit: 'ms' },
    ],
    rows: classes.flatMap(({ name, bands }) =>
      bands
        .filter(({ share }) => share > 0)
        .map(({ words, share, planned, used, usedShare, p95Ms }): Cell[] => [
          ...[name, words, 100 * share, planned, used, 100 * usedShare],
          p95Ms,
        ]),
    ),
  };
}

export function costTable({ costs, fleet }: CapacityReport): TableContent {
  const unit = fleet.prices.currency;
  return {
    caption: 'Costs of 1,000 inferences, beside the device alone and the cloud alone.',
    columns: [
      { title: 'how' },
      { title: 'gateways' },
      { title: 'p95', unit: 'ms' },
      { title: 'objective' },
      { title: 'gateways', unit },
      { title: 'traffic', unit },
      { title: 'devices', unit },
      { title: 'all', unit },
    ],
    rows: costs.map((one): Cell[] => [
      WORDS[one.mode],
      one.gateways,
      one.p95Ms,
      one.meetsSlo ? 'kept' : 'missed',
      one.gatewaysCost,
      one.trafficCost,
      one.devicesCost,
      one.totalCost,
    ]),
  };
}

export function sensitivityTable({ sensitivity }: CapacityReport): TableContent {
  return {
    caption: 'The same gateways, and one thing other than the file says.',
    columns: [
      { title: 'what' },
      { title: 'p95', unit: 'ms' },
      { title: 'busy', unit: '%' },
      { title: 'late', unit: '%' },
      { title: 'objective' },
    ],
    rows: sensitivity.map(({ what, p95Ms, utilisation, lateShare, meetsSlo }): Cell[] => [
      what,
      p95Ms,
      100 * utilisation,
      100 * lateShare,
      meetsSlo ? 'kept' : 'missed',
    ]),
  };
}
