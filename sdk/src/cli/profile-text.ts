/** What `cutpoint profile` prints. */
import { modeDoubts, modeText } from '../planner/machine-mode.ts';
import type { Profile, ProfiledTransfer } from '../planner/profile.ts';
import { type Cell, renderTable } from '../report/table.ts';
import { wrap } from '../report/wrap.ts';
import { sizeText } from './frontier.ts';
import { shownName } from './inspect-text.ts';

export function profileReport(profile: Profile, colours: boolean): string {
  return `${[wrap(answer(profile)), cutTable(profile, colours), wrap(origin(profile))].join('\n\n')}\n`;
}

function answer({ whole, cuts, transfers }: Profile): string {
  const how = whole.isGuess ? 'Guessed, nothing was run: t' : 'T';
  const ms = `${how}he whole model takes ${Number(whole.medianMs.toPrecision(3))} ms here`;
  const sizes = transfers.filter(({ cutId }) => cutId !== null).map(({ sentBytes }) => sentBytes);
  if (sizes.length === 0) return `${ms}; no cut is offered.`;
  return `${ms}; of ${cuts.length} cuts the smallest sends ${sizeText(Math.round(Math.min(...sizes)))}.`;
}

const COLUMNS = [
  { title: 'depth', unit: '%' },
  'cut',
  { title: 'head', unit: 'ms' },
  { title: 'tail', unit: 'ms' },
  { title: 'sends', unit: 'KB' },
  { title: 'pack', unit: 'ms' },
  { title: 'unpack', unit: 'ms' },
  'smallest as',
] as const;

/** One line a way of sending the input, one a cut in the codec profile that is smallest. */
function cutTable({ cuts, transfers }: Profile, colours: boolean): string {
  const of = (id: string | null) => transfers.filter(({ cutId }) => cutId === id);
  const inputs = of(null).map((transfer): Cell[] => [0, 'the input', 0, undefined, ...travel(transfer)]);
  const rows = cuts.map(({ id, name, depth, head, tail }): Cell[] => [
    Math.floor(depth * 100),
    shownName(name),
    head.medianMs,
    tail.medianMs,
    ...travel(smallest(of(id))),
  ]);
  return renderTable(COLUMNS, [...inputs, ...rows], { colours });
}

function travel(transfer: ProfiledTransfer | undefined): Cell[] {
  if (!transfer) return [undefined, undefined, undefined, ''];
  const { sentBytes, encodeMs, decodeMs, profile } = transfer;
  return [sentBytes / 1000, encodeMs, decodeMs ?? undefined, profile];
}

function smallest(transfers: readonly ProfiledTransfer[]): ProfiledTransfer | undefined {
  return transfers.toSorted((a, b) => a.sentBytes - b.sentBytes)[0];
}

function origin({
  device,
  provider,
  runtime,
  threads,
  executor,
  slowdown,
  pauseMs,
  whole,
  inputs,
  inputSource,
  mode,
}: Profile): string {
  const runs = whole.isGuess
    ? 'guessed from operations and bytes'
    : `medians of ${whole.runs} runs${pauseMs > 0 ? `, each after ${pauseMs} ms of rest` : ''}`;
  const bytes = whole.isGuess
    ? ''
    : `, bytes of ${inputs} ${inputSource === 'seeded' ? 'made-up ' : ''}input${inputs === 1 ? '' : 's'}`;
  const played = slowdown > 1 ? ` All times were multiplied by ${slowdown} to play a slower machine.` : '';
  const how = mode && modeText(mode) ? `; ${modeText(mode)}` : '';
  const doubts = mode ? modeDoubts(mode).map((doubt) => ` Times may be too long: ${doubt}.`) : [];
  const made = `${runtime} ${provider}, ${threads} threads; ${runs}${bytes}`;
  return `${device}${how}; ${made}; ${executor}.${played}${doubts.join('')}`;
}
