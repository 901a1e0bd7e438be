/** The page that `cutpoint leakage --html` writes. */
import { type CutLeakage, calibratedLevel, lossOf } from '../leakage/measure-leakage.ts';
import { escapeHtml, htmlList, htmlTable } from '../report/html.ts';
import { leakageChart } from '../report/leakage-chart.ts';
import { renderPage } from '../report/page.ts';
import { htmlPicture } from '../report/picture.ts';
import type { Cell } from '../report/table.ts';
import type { FoundLeakage } from './leakage-run.ts';
import { leakageAnswer, NO_PRIVACY } from './leakage-text.ts';

export interface LeakagePageContext {
  /** Name of the model's file. */
  readonly file: string;
  /** The command that made the page. */
  readonly command: string;
  readonly date: Date;
}

const STYLE = `
img.pixels { width: 4.5rem; height: auto; image-rendering: pixelated; display: block; border-radius: 2px; }
table.guesses { width: auto; } table.guesses td, table.guesses th { border: 0; vertical-align: middle; padding: .2rem .3rem; background: var(--paper); }
table.guesses th { max-width: 15rem; min-width: 9rem; overflow-wrap: anywhere; font-size: .85rem; position: sticky; left: 0; background: var(--paper); }
table.guesses td:last-child { min-width: 0; } table.guesses th span { display: block; font-weight: 400; color: var(--soft); }
@media (max-width: 32rem) { table.guesses th { min-width: 6.5rem; max-width: 6.5rem; font-size: .75rem; } img.pixels { width: 3.5rem; } }
.warning { border-left: 4px solid var(--cloud); padding-left: .75rem; margin: 1rem 0; }
`;

export function leakagePage(found: FoundLeakage, context: LeakagePageContext): string {
  const { form, cuts } = found;
  return renderPage({
    title: `Leakage of ${context.file}`,
    answer: leakageAnswer(found),
    subtitle: `${context.file}: input '${found.target}', activations as ${found.profile}. ${NO_PRIVACY}`,
    picture: { svg: chartOf(found), caption: captionOf(found) },
    style: STYLE,
    sections: [
      ...(form.isPicture ? [{ heading: 'What the attacker gets back', html: guessesTable(found) }] : []),
      { heading: 'Each cut, and the strongest noise within the budget', html: cutTable(found) },
      { heading: 'Every level of noise', html: levelTable(cuts), isFolded: true },
      { heading: 'How to read this', html: reading(found) },
      { heading: 'How it was measured', html: origin(found, context) },
    ],
  });
}

/** SSIM of pictures; of other inputs the share that is explained. */
function chartOf({ cuts, form, blind }: FoundLeakage): string {
  const levels = cuts[0]?.levels ?? [];
  const shownOf = (cut: CutLeakage, place: number) => {
    const level = cut.levels[place];
    return (form.isPicture ? level?.ssim : level?.explained) ?? 0;
  };
  return leakageChart({
    description: `What the attacker gets back at each depth, for ${levels.length} levels of noise; the tables have the figures.`,
    title: form.isPicture
      ? 'SSIM of the guess, 1 is the input itself'
      : 'share of the differences that is guessed',
    lines: levels.map(({ noise }, place) => ({
      name: noise === 0 ? 'no noise' : `noise ${noise}`,
      isMain: noise === 0,
      points: cuts.map((cut) => ({ depth: cut.cut.depth, value: shownOf(cut, place) })),
    })),
    blind: { name: 'blind guess', value: form.isPicture ? blind.ssim : 0 },
  });
}

function captionOf({ guessed, taught }: FoundLeakage): string {
  return `Each line is a level of noise; dots are the cuts. The mean over ${guessed} inputs, guessed by who has seen ${taught} others with their activations. Blind is the mean of those others.`;
}

function guessesTable({ shown, cuts, budget }: FoundLeakage): string {
  const row = (name: string, note: string, cells: readonly string[]) =>
    `<tr><th scope="row">${escapeHtml(name)}<span>${escapeHtml(note)}</span></th>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
  const originals = row(
    'input',
    'as small as wanted',
    shown.map((picture, i) => htmlPicture(picture, `input ${i + 1}`)),
  );
  const rows = cuts.flatMap((cut) => {
    const [plain] = cut.levels;
    const best = calibratedLevel(cut, budget);
    const at = `${Math.floor(cut.cut.depth * 100)} %`;
    const levels = [plain, ...(best && best !== plain ? [best] : [])].filter((level) => level !== undefined);
    return levels.map((level) =>
      row(
        cut.cut.name,
        `${at} deep, ${level.noise === 0 ? 'no noise' : `noise ${level.noise}`}, SSIM ${level.ssim.toFixed(2)}`,
        level.guesses.map((guess, i) => htmlPicture(guess, `guess of input ${i + 1} at ${at}`)),
      ),
    );
  });
  return `<div class="wide" tabindex="0" role="region" aria-label="Inputs and guesses"><table class="guesses"><tbody>${originals}${rows.join('')}</tbody></table></div>`;
}

function cutTable({ cuts, budget, blind, form }: FoundLeakage): string {
  const rows = cuts.map((cut): Cell[] => {
    const [plain] = cut.levels;
    const best = calibratedLevel(cut, budget);
    return [
      cut.cut.name,
      Math.floor(cut.cut.depth * 100),
      plain?.distanceCorrelation,
      percent(plain?.explained),
      plain?.psnr,
      ...(form.isPicture ? [plain?.ssim] : []),
      best?.noise ?? 'none',
      percent(best?.explained),
      ...(form.isPicture ? [best?.ssim] : []),
      best && lossOf(best) * 100,
    ];
  });
  const columns = [
    { title: 'cut' },
    { title: 'depth', unit: '%' },
    { title: 'distance correlation', unit: '0 to 1' },
    { title: 'guessed', unit: '%' },
    { title: 'PSNR', unit: 'dB' },
    ...(form.isPicture ? [{ title: 'SSIM', unit: '0 to 1' }] : []),
    { title: 'noise', unit: 'share' },
    { title: 'guessed', unit: '%, noisy' },
    ...(form.isPicture ? [{ title: 'SSIM', unit: 'noisy' }] : []),
    { title: 'loss', unit: '%, noisy' },
  ];
  const caption = `Noise is the strongest measured level whose loss is at most ${(budget * 100).toFixed(1)} %. A blind guess has PSNR ${blind.psnr.toFixed(1)} dB${form.isPicture ? ` and SSIM ${blind.ssim.toFixed(2)}` : ''}.`;
  return htmlTable({ caption, columns, rows });
}

const percent = (share: number | undefined) =>
  share === undefined ? undefined : Math.round(share * 1000) / 10;

function levelTable(cuts: readonly CutLeakage[]): string {
  const rows = cuts.flatMap(({ cut, levels }) =>
    levels.map((level): Cell[] => [
      cut.name,
      level.noise,
      level.distanceCorrelation,
      percent(level.explained),
      level.psnr,
      level.ssim,
      level.agreement === null ? undefined : percent(level.agreement),
      level.outputError,
    ]),
  );
  const columns = [
    { title: 'cut' },
    { title: 'noise', unit: 'share' },
    { title: 'distance correlation' },
    { title: 'guessed', unit: '%' },
    { title: 'PSNR', unit: 'dB' },
    { title: 'SSIM' },
    { title: 'same answers', unit: '%' },
    { title: 'outputs off', unit: 'rel. L2' },
  ];
  return htmlTable({ caption: 'All that was measured.', columns, rows });
}

function reading({ form, taught }: FoundLeakage): string {
  const said = [
    'The attacker is ridge regression, from what travels to a small picture of the input. One who trains a network, has more inputs, or knows the weights gets back more. What it cannot get back may still be there.',
    'Depth and quantisation are not made to hide anything. A deeper cut tends to give away less, by no rule that can be relied on; rounding to 8 bits hides next to nothing.',
    'Noise bounds what one activation says only as far as it is measured here; many activations of the same input average it away.',
    `Distance correlation (bias-corrected) asks whether input and activation have anything to do with each other at all, linear or not; with ${taught} inputs small values are uncertain.`,
    ...(form.isPicture ? [] : ['The input is no picture: SSIM is of its numbers in a row and says little.']),
    'Who must keep inputs from a gateway runs the model on the device, or seals payloads and trusts who opens them.',
  ];
  return `<p class="warning">${escapeHtml(NO_PRIVACY)}</p><ul>${said.map((text) => `<li>${escapeHtml(text)}</li>`).join('')}</ul>`;
}

function origin(found: FoundLeakage, { file, command, date }: LeakagePageContext): string {
  const most = found.cuts.reduce(
    (a, { values, features }) => (values > features ? Math.max(a, values) : a),
    0,
  );
  return htmlList({
    model: file,
    'SHA-256': found.modelDigest,
    runtime: found.runtime,
    inputs: `${found.taught} taught, ${found.guessed} guessed; seed ${found.seed}`,
    wanted: `${found.form.channels}x${found.form.height}x${found.form.width}${found.form.isPicture ? ' points' : ' numbers in a row'}`,
    ...(most > 0 && {
      features: `of larger activations, such as of ${most} numbers, every k-th so that 32768 are seen`,
    }),
    command,
    date: date.toISOString().slice(0, 16).replace('T', ' '),
  });
}
