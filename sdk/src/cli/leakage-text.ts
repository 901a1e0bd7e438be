/** What `cutpoint leakage` prints. */
import { type CutLeakage, calibratedLevel, type LevelLeakage, lossOf } from '../leakage/measure-leakage.ts';
import { renderTable } from '../report/table.ts';
import { wrap } from '../report/wrap.ts';
import type { FoundLeakage } from './leakage-run.ts';

/** What no figure of this report may be taken for. */
export const NO_PRIVACY =
  'Depth and quantisation alone are not privacy: a figure is what one simple attacker got back, never the most that another can.';

/** The first line: what the reader came for. */
export function leakageAnswer({ cuts, form, blind }: FoundLeakage): string {
  const [first, last] = [cuts[0], cuts.at(-1)];
  if (!first || !last) return 'There is no cut to measure.';
  const gets = (cut: CutLeakage) => gain(cut.levels[0]);
  const unit = form.isPicture ? 'pictures' : 'inputs';
  const span =
    first === last
      ? `${gets(first)} of what differs between ${unit} at ${first.cut.name}`
      : `${gets(first)} of what differs between ${unit} at the shallowest cut, ${gets(last)} at the deepest`;
  const likeness = form.isPicture
    ? ` (SSIM ${(first.levels[0]?.ssim ?? 0).toFixed(2)}; ${blind.ssim.toFixed(2)} blind)`
    : '';
  return `A linear attacker gets back ${span}${likeness}.`;
}

const gain = (level: LevelLeakage | undefined) => `${Math.round(100 * Math.max(0, level?.explained ?? 0))} %`;

export function leakageText(found: FoundLeakage, colours: boolean): string {
  const { cuts, blind, taught, guessed, budget } = found;
  const rows = cuts.map((cut) => {
    const [plain] = cut.levels;
    const best = calibratedLevel(cut, budget);
    return [
      cut.cut.name,
      Math.floor(cut.cut.depth * 100),
      plain?.distanceCorrelation,
      plain?.psnr,
      plain?.ssim,
      best?.noise,
      best?.ssim,
      best && lossOf(best) * 100,
    ];
  });
  const columns = [
    'cut',
    { title: 'depth', unit: '%' },
    { title: 'dCor' },
    { title: 'PSNR', unit: 'dB' },
    { title: 'SSIM' },
    { title: 'noise' },
    { title: 'SSIM', unit: 'noisy' },
    { title: 'loss', unit: '%' },
  ];
  const how = `${taught} inputs taught the attacker, ${guessed} were guessed; blind it has PSNR ${blind.psnr.toFixed(1)} dB and SSIM ${blind.ssim.toFixed(2)}. Noise is the strongest level with a loss of at most ${(budget * 100).toFixed(1)} %.`;
  return [
    wrap(leakageAnswer(found)),
    '',
    renderTable(columns, rows, { colours }),
    '',
    wrap(how),
    wrap(NO_PRIVACY),
    '',
  ].join('\n');
}

/** Without the pictures. */
export function leakageJson({ cuts, shown: _, ...found }: FoundLeakage): string {
  const levelOf = ({ guesses: __, ...level }: LevelLeakage) => ({ ...level, loss: lossOf(level) });
  const list = cuts.map((cut) => ({
    ...{
      id: cut.cut.id,
      name: cut.cut.name,
      depth: cut.cut.depth,
      values: cut.values,
      features: cut.features,
    },
    calibratedNoise: calibratedLevel(cut, found.budget)?.noise ?? null,
    levels: cut.levels.map(levelOf),
  }));
  return `${JSON.stringify({ ...found, warning: NO_PRIVACY, cuts: list })}\n`;
}
