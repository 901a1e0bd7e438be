/** Parts of the strategy document about data: where it may be, and what a cut gives away. */
import type { Cell } from '../report/table.ts';
import type { DocumentPart } from './report-document.ts';
import { facts, leaves, type StrategySources } from './report-facts.ts';

export function residency({ plan, capacity, policy }: StrategySources): DocumentPart {
  const { fleet } = capacity;
  const sending = plan.arms.filter(
    (arm) => arm.sendsInput && plan.windows.some(({ armId }) => armId === arm.id),
  );
  const rows = fleet.regions.map(({ name, mayUse }): [string, string, string] => [
    `activations of devices in ${name}`,
    mayUse.length === 0 ? `stay in ${name}` : `may go to ${[name, ...mayUse].join(', ')}`,
    'given: fleet.yaml',
  ]);
  const limits = leaves(policy, 'policy').filter(([name]) =>
    /region|resid|retention|provider|encrypt/i.test(name),
  );
  return {
    heading: 'Residency',
    paragraphs: [
      sending.length > 0
        ? `The model’s input itself leaves the device by ${sending.map(({ name }) => name).join(', ')}.`
        : 'The model’s input does not leave the device by any arm that the plan chooses; what crosses a cut does.',
      'A gateway that does not say where it is is in no region.',
    ],
    tables: [
      facts('Where activations may be.', [
        ...rows,
        ...limits.map(([name, value]): [string, string, string] => [name, value, 'given: policy.yaml']),
      ]),
    ],
  };
}

/** Most rows of a leakage report that are repeated here. */
const MOST_ROWS = 100;

export function leakagePart({ leakage }: StrategySources): DocumentPart {
  const heading = 'Leakage';
  const caution =
    'Depth and quantisation alone are not privacy: what crosses a cut can be turned back, more or less well.';
  if (leakage === undefined)
    return {
      heading,
      paragraphs: [
        caution,
        'Not measured: no leakage report was given. Until there is one, take it that a cut gives the input away.',
      ],
    };
  const list = rowsOf(leakage);
  const names = [...new Set(list.flatMap((row) => Object.keys(row)))];
  const rows = list.slice(0, MOST_ROWS).map((row) => names.map((name) => cellOf(row[name])));
  return {
    heading,
    paragraphs: [caution],
    tables: [
      {
        caption: 'Measured: from the leakage report that was given.',
        columns: names.map((title) => ({ title })),
        rows,
      },
    ],
  };
}

/** The first list of objects that is in it, their values of one word alone. */
function rowsOf(content: unknown): readonly Readonly<Record<string, unknown>>[] {
  const isRow = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
  const lists = [content, ...(isRow(content) ? Object.values(content as object) : [])];
  const list = lists.find(
    (value): value is Record<string, unknown>[] => Array.isArray(value) && value.some(isRow),
  );
  return (list ?? [])
    .filter(isRow)
    .map((row) =>
      Object.fromEntries(
        Object.entries(row).filter(([, value]) => typeof value !== 'object' && String(value).length < 80),
      ),
    );
}

function cellOf(value: unknown): Cell {
  return typeof value === 'number' || value === undefined ? value : String(value);
}
