/** The page that `cutpoint inspect --html` writes. */
import type { SurveyedCut } from '../cut/survey.ts';
import { frontierChart } from '../report/frontier-chart.ts';
import { htmlList, htmlTable } from '../report/html.ts';
import { renderPage } from '../report/page.ts';
import type { Cell } from '../report/table.ts';
import { frontierBytes, sizeText } from './frontier.ts';
import { answer, depthPercent, type Inspection, percent, smallestOffered } from './inspection.ts';
import { nodeKind } from './node-kinds.ts';

export interface PageContext {
  /** The command that made the page. */
  readonly command: string;
  readonly date: Date;
}

export function inspectPage(inspection: Inspection, context: PageContext): string {
  const { file, cuts, ops } = inspection;
  const others = cuts.filter(({ isOffered }) => !isOffered);
  return renderPage({
    title: `Cuts of ${file}`,
    answer: answer(inspection),
    subtitle: `${file}, ${ops.length} nodes`,
    picture: picture(inspection),
    sections: [
      { heading: 'Offered cuts', html: offeredTable(inspection) },
      {
        heading: `The other ${others.length} legal cuts, and why they are not offered`,
        html: otherTable(others),
        isFolded: true,
      },
      { heading: 'How this was found', html: howFound(inspection, context) },
    ],
  });
}

function picture(inspection: Inspection): { svg: string; caption: string } | undefined {
  const { cuts, ops } = inspection;
  const offered = cuts.filter(({ isOffered }) => isOffered);
  const best = smallestOffered(cuts);
  const svg = frontierChart({
    description: `Bytes that cross at each depth of the model, on a log scale. ${answer(inspection)}`,
    nodes: ops.map(nodeKind),
    bytes: frontierBytes(cuts, ops.length),
    cuts: offered.flatMap(({ cut, isCandidate }) =>
      cut.bytes === null
        ? []
        : [
            {
              position: cut.position,
              bytes: cut.bytes,
              isDefault: isCandidate,
              label: `${cut.id}: ${sizeText(cut.bytes)} at ${percent(cut)}, ${cut.name}`,
            },
          ],
    ),
    best: best && {
      position: best.position,
      bytes: best.bytes ?? 0,
      label: `smallest: ${sizeText(best.bytes)}`,
    },
    sizeText,
  });
  const caption =
    'Each stroke of the upper row is a node. The line is what would be sent, uncompressed, if the model were cut there. Filled dots are the cuts that a session chooses from by default; open dots are offered too.';
  return svg === undefined ? undefined : { svg, caption };
}

const COLUMNS = [
  { title: 'depth', unit: '%' },
  { title: 'sends', unit: 'KB' },
  { title: 'of the inputs', unit: '%' },
  { title: 'tensors' },
  { title: 'by default' },
  { title: 'cut' },
  { title: 'what crosses' },
] as const;

function offeredTable({ cuts }: Inspection): string {
  const whole = cuts[0]?.cut.position === 0 ? cuts[0].cut.bytes : null;
  const offered = cuts.filter(({ isOffered }) => isOffered);
  const best = smallestOffered(cuts);
  const rows = offered.map(({ cut, isCandidate }): Cell[] => [
    depthPercent(cut),
    kilobytes(cut.bytes),
    whole && cut.bytes !== null ? (cut.bytes / whole) * 100 : undefined,
    cut.tensors.length,
    isCandidate ? 'yes' : '',
    cut.id,
    cut.tensors.map(({ name, type, shape }) => `${name} ${type}${shapeText(shape)}`).join(', '),
  ]);
  return htmlTable({
    caption: 'Cuts with work on both sides that part no fused nodes; the smallest is in bold.',
    columns: COLUMNS,
    rows,
    best: offered.findIndex(({ cut }) => cut === best),
  });
}

function otherTable(cuts: readonly SurveyedCut[]): string {
  const columns = [
    ...COLUMNS.slice(0, 2),
    { title: 'tensors' },
    { title: 'why not' },
    { title: 'largest tensor' },
  ];
  const rows = cuts.map(({ cut, reason }): Cell[] => [
    depthPercent(cut),
    kilobytes(cut.bytes),
    cut.tensors.length,
    reason,
    cut.name,
  ]);
  return htmlTable({ caption: 'Legal cuts that are not offered.', columns, rows });
}

function howFound({ file, digest, runtime }: Inspection, { command, date }: PageContext): string {
  return htmlList({
    model: file,
    'SHA-256': digest,
    'types and shapes by': runtime,
    command,
    date: date.toISOString().slice(0, 16).replace('T', ' '),
    sizes: 'uncompressed; KB is 1000 bytes',
  });
}

const kilobytes = (bytes: number | null) => (bytes === null ? undefined : bytes / 1000);

function shapeText(shape: readonly (number | string)[] | null): string {
  return shape === null ? '' : `[${shape.map((dim) => (dim === '' ? '?' : dim)).join(', ')}]`;
}
