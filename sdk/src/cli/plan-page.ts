/** The page that `cutpoint plan --html` writes. */
import { byteText } from '../planner/amount-text.ts';
import { planAnswer } from '../planner/plan-answer.ts';
import type { Plan, PlanEntry, PlanMachine } from '../planner/plan-file.ts';
import { rateText } from '../planner/win-window.ts';
import { frontierChart } from '../report/frontier-chart.ts';
import { escapeHtml, htmlList, htmlTable } from '../report/html.ts';
import { renderPage } from '../report/page.ts';
import type { Cell } from '../report/table.ts';
import { frontierBytes, sizeText } from './frontier.ts';
import type { Inspection } from './inspection.ts';
import { nodeKind } from './node-kinds.ts';
import { planCurves, planStages } from './plan-pictures.ts';
import { standing, worthALook } from './plan-text.ts';

export interface PlanPageContext {
  /** Name of the model's file. */
  readonly file: string;
  readonly inspection: Pick<Inspection, 'ops' | 'cuts'>;
  /** The command that made the page. */
  readonly command: string;
  readonly date: Date;
}

export function planPage(plan: Plan, context: PlanPageContext): string {
  const frontier = frontierPicture(plan, context);
  return renderPage({
    title: `Plan of ${context.file}`,
    answer: planAnswer(plan),
    subtitle: `${context.file}: ${plan.edge.device} and ${plan.cloud.device}; best by ${plan.objective}`,
    picture: {
      svg: planCurves(plan),
      caption:
        'Each line is an arm, with an idle cloud. The best one is thick; dots are the rates at which another becomes the best. Blue: device alone; orange: whole model in the cloud; green: cuts.',
    },
    sections: [
      {
        heading: 'Where the time goes',
        html: wide('Stages', planStages(plan)),
      },
      ...(frontier === undefined
        ? []
        : [{ heading: 'What crosses at each depth', html: wide('Bytes by depth', frontier) }]),
      { heading: 'Arms worth a look', html: armTable(worthALook(plan.arms)) },
      { heading: `All ${plan.arms.length} arms`, html: armTable(plan.arms), isFolded: true },
      { heading: 'What this rests on', html: assumptions(plan) },
      { heading: 'How it was made', html: origin(plan, context) },
    ],
  });
}

function wide(label: string, svg: string): string {
  return `<div class="wide" tabindex="0" role="region" aria-label="${escapeHtml(label)}">${svg}</div>`;
}

/** Dots are the cuts of the plan; open ones are never best. */
function frontierPicture({ arms }: Plan, { inspection: { ops, cuts } }: PlanPageContext): string | undefined {
  const idsOf = (entries: readonly PlanEntry[]) =>
    new Set(entries.flatMap(({ id }) => id.split('/')[0]?.split(/[->]/)));
  const planned = idsOf(arms.filter(({ kind }) => kind === 'split'));
  const best = idsOf(arms.filter((arm) => arm.best !== null));
  return frontierChart({
    description:
      'Uncompressed bytes that cross at each depth of the model, on a log scale; dots are the cuts of the plan.',
    nodes: ops.map(nodeKind),
    bytes: frontierBytes(cuts, ops.length),
    cuts: cuts.flatMap(({ cut }) =>
      cut.bytes === null || !planned.has(cut.id)
        ? []
        : [
            {
              position: cut.position,
              bytes: cut.bytes,
              isDefault: best.has(cut.id),
              label: `${cut.name}: ${sizeText(cut.bytes)} uncompressed`,
            },
          ],
    ),
    sizeText,
  });
}

const COLUMNS = [
  { title: 'arm' },
  { title: 'depth', unit: '%' },
  { title: 'head', unit: 'ms' },
  { title: 'pack', unit: 'ms' },
  { title: 'sends', unit: 'KB' },
  { title: 'tail', unit: 'ms' },
  { title: 'back', unit: 'KB' },
  { title: 'last', unit: 'ms' },
  { title: 'error', unit: 'rel. L2' },
  { title: 'loss', unit: '%' },
  { title: 'best' },
] as const;

function armTable(arms: readonly PlanEntry[]): string {
  const rows = arms.map((arm): Cell[] => {
    const { headMs, encodeMs, sentBytes, tailMs, receivedBytes, lastMs } = arm.cost;
    const sends =
      arm.kind === 'device'
        ? [undefined, undefined, undefined, undefined, undefined]
        : [encodeMs, sentBytes / 1000, tailMs, receivedBytes / 1000, lastMs];
    const loss = arm.accuracyLoss === null ? undefined : arm.accuracyLoss * 100;
    return [
      arm.name,
      Math.floor(arm.depth * 100),
      headMs,
      ...sends,
      arm.error ?? undefined,
      loss,
      standing(arm) || '–',
    ];
  });
  const best = new Set(arms.flatMap((arm, index) => (arm.best ? [index] : [])));
  const caption =
    'Best on some link in bold. Head, packing and last layers run on the device, the tail in the cloud. KB is 1000 bytes.';
  return htmlTable({ caption, columns: COLUMNS, rows, best });
}

function assumptions({ assumptions: said }: Plan): string {
  return `<ul>${said.map((text) => `<li>${escapeHtml(text)}</li>`).join('')}</ul>`;
}

function origin(plan: Plan, { file, command, date }: PlanPageContext): string {
  const { link, calibration } = plan;
  return htmlList({
    model: file,
    'SHA-256 of the model': plan.modelDigest,
    device: machineText(plan.edge),
    cloud: machineText(plan.cloud),
    link: `round trip ${Number(link.roundTripMs.toPrecision(3))} ms, downlink ${rateText(link.downlinkBitsPerSecond)}`,
    reply: `${byteText(Math.max(...plan.arms.map(({ cost }) => cost.receivedBytes)))}`,
    calibration: calibration ? `${calibration.inputs} inputs, ${calibration.metric}` : 'none',
    command,
    date: date.toISOString().slice(0, 16).replace('T', ' '),
    'hash of the plan': plan.hash,
  });
}

function machineText({ device, provider, runtime, threads, slowdown }: PlanMachine): string {
  return `${device}, ${runtime} ${provider}, ${threads} threads${slowdown > 1 ? `, played ${slowdown} times slower` : ''}`;
}
