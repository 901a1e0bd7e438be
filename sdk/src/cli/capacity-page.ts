/** The page that `cutpoint capacity --html` writes. */
import { type CapacityReport, WORDS } from '../capacity/capacity-report.ts';
import { escapeHtml, htmlList, htmlTable } from '../report/html.ts';
import { objectiveChart } from '../report/objective-chart.ts';
import { renderPage, type Section } from '../report/page.ts';
import {
  bandTable,
  brokerText,
  capacityAnswer,
  classTable,
  costTable,
  memoryTables,
  regionTable,
  sensitivityTable,
} from './capacity-text.ts';

export interface CapacityPageContext {
  /** The command that made the page. */
  readonly command: string;
  readonly date: Date;
}

export function capacityPage(report: CapacityReport, context: CapacityPageContext): string {
  return renderPage({
    title: `Capacity of ${report.fleet.name}`,
    answer: capacityAnswer(report),
    subtitle: `${report.fleet.name}: ${report.devices.toLocaleString('en')} devices, ${Number(report.requestsPerSecond.toPrecision(3)).toLocaleString('en')} requests a second`,
    picture: {
      svg: capacityPicture(report),
      caption:
        'A dot is the 95th percentile, open where the objective is missed; a bar reaches from the median to the 99th percentile. Green: as planned; blue: the device alone; orange: the cloud alone.',
    },
    sections: [...problemSection(report), ...capacitySections(report), originSection(report, context)],
  });
}

export function capacityPicture(report: CapacityReport): string {
  const { fleet, classes, costs, sensitivity } = report;
  const kinds = { controller: 'split', device: 'device', cloud: 'cloud' } as const;
  return objectiveChart({
    description: `${capacityAnswer(report)} Percentiles of each class, of the device alone and the cloud alone, and of seven variations.`,
    objectiveMs: fleet.slo.p95Ms,
    groups: [
      {
        heading: 'Classes',
        rows: classes.map(({ name, latency }) => ({ name, kind: 'split', ...latency })),
      },
      {
        heading: 'Beside',
        rows: costs.slice(1).map(({ mode, p95Ms }) => ({ name: WORDS[mode], p95Ms, kind: kinds[mode] })),
      },
      {
        heading: 'If',
        rows: sensitivity.map(({ what, p95Ms }) => ({ name: what, p95Ms, kind: 'split' })),
      },
    ],
  });
}

function problemSection({ problems }: CapacityReport): readonly Section[] {
  if (problems.length === 0) return [];
  const html = `<ul>${problems.map((text) => `<li>${escapeHtml(text)}</li>`).join('')}</ul>`;
  return [{ heading: 'What cannot be had, and why', html }];
}

/** Tables of the report, for pages that hold it. */
export function capacitySections(report: CapacityReport): readonly Section[] {
  return [
    { heading: 'Gateways', html: htmlTable(regionTable(report)) },
    ...memoryTables(report).map((table) => ({ heading: 'Memory', html: htmlTable(table) })),
    { heading: 'Devices', html: htmlTable(classTable(report)) },
    { heading: 'Cut by class and uplink', html: htmlTable(bandTable(report)) },
    { heading: 'Broker', html: `<p>${escapeHtml(brokerText(report))}</p>` },
    { heading: 'Costs', html: htmlTable({ ...costTable(report), best: cheapest(report) }) },
    { heading: 'What the answer hangs on', html: htmlTable(sensitivityTable(report)) },
  ];
}

/** Of those that keep the objective. */
function cheapest({ costs }: CapacityReport): number | undefined {
  const kept = costs.filter(({ meetsSlo }) => meetsSlo);
  const best = kept.toSorted((a, b) => a.totalCost - b.totalCost)[0];
  return best && costs.indexOf(best);
}

function originSection(report: CapacityReport, { command, date }: CapacityPageContext): Section {
  const { laws, seconds, plans, assumptions, classes } = report;
  const facts = htmlList({
    ...Object.fromEntries(plans.map((one) => [`plan of ${one.class}`, one.hash])),
    simulated: `${seconds} s after ${Math.max(10, seconds / 4)} s of warming up, ${classes.reduce((sum, one) => sum + one.requests, 0).toLocaleString('en')} requests; each device with the controller that sessions have, each gateway with its own queue and batches`,
    checks: `Little's law off by ${laws.littleGap.toExponential(1)}, utilisation by ${laws.utilisationGap.toExponential(1)}, ${laws.lost} requests lost`,
    command,
    date: date.toISOString().slice(0, 16).replace('T', ' '),
  });
  const list = assumptions.map((text) => `<li>${escapeHtml(text)}</li>`).join('');
  return { heading: 'What this rests on', html: `<ul>${list}</ul>${facts}` };
}
