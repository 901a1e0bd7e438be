/** What a leakage report says, for the strategy document: at each cut what an attacker got back, without noise and with each level. */
import { SplitError } from '../errors.ts';
import type { Plan } from '../planner/plan-file.ts';
import { describeIssues } from '../planner/policy.ts';
import type { Cell } from '../report/table.ts';
import { z } from '../zod.ts';
import type { DocumentPart } from './report-document.ts';

/** Of the JSON of `cutpoint leakage`, what the document repeats. */
export interface LeakageReport {
  readonly modelDigest: string;
  readonly target: string;
  readonly profile: string;
  readonly taught: number;
  readonly guessed: number;
  readonly blind: { readonly psnr: number; readonly ssim: number };
  readonly cuts: readonly {
    readonly name: string;
    readonly depth: number;
    readonly levels: readonly {
      readonly noise: number;
      readonly distanceCorrelation: number;
      readonly psnr: number;
      readonly ssim: number;
      readonly explained: number;
      readonly loss: number;
    }[];
  }[];
}

const Level = z.object({
  ...{ noise: z.number(), distanceCorrelation: z.number(), psnr: z.number() },
  ...{ ssim: z.number(), explained: z.number(), loss: z.number() },
});
const Report = z.object({
  modelDigest: z.string(),
  target: z.string(),
  profile: z.string(),
  taught: z.int(),
  guessed: z.int(),
  blind: z.object({ psnr: z.number(), ssim: z.number() }),
  cuts: z
    .array(z.object({ name: z.string(), depth: z.number(), levels: z.array(Level).check(z.maxLength(64)) }))
    .check(z.maxLength(1000)),
});

/** @throws SplitError `options-invalid` for what is no leakage report, `model-mismatch` for one of another model than the plan's */
export function readLeakage(content: unknown, { modelDigest }: Plan): LeakageReport {
  const parsed = Report.safeParse(content);
  if (!parsed.success)
    throw new SplitError('options-invalid', describeIssues('leakage', parsed.error.issues));
  if (parsed.data.modelDigest === modelDigest) return parsed.data;
  const [measured, planned] = [parsed.data.modelDigest, modelDigest].map((digest) => digest.slice(0, 12));
  throw new SplitError(
    'model-mismatch',
    `the leakage report is of model ${measured}, the plan of ${planned}`,
  );
}

const CAUTION =
  'Depth and quantisation alone are not privacy: what crosses a cut can be turned back, more or less well.';

export function leakagePart(leakage: LeakageReport | undefined): DocumentPart {
  const heading = 'Leakage';
  if (leakage === undefined)
    return {
      heading,
      paragraphs: [
        CAUTION,
        'Not measured: no leakage report was given. Until there is one, take it that a cut gives the input away.',
      ],
    };
  const { target, profile, taught, guessed, blind, cuts } = leakage;
  const rows = cuts.flatMap(({ name, depth, levels }) =>
    levels.map(({ noise, distanceCorrelation, psnr, ssim, explained, loss }): Cell[] => [
      ...[name, Math.floor(100 * depth), noise, distanceCorrelation],
      ...[psnr, ssim, 100 * explained, 100 * loss],
    ]),
  );
  return {
    heading,
    paragraphs: [
      CAUTION,
      `${taught} inputs taught a linear attacker who wants ${target} from activations as ${profile}; ${guessed} were guessed. Blind it has PSNR ${blind.psnr.toFixed(1)} dB and SSIM ${blind.ssim.toFixed(2)}.`,
    ],
    tables: [
      {
        caption: 'Measured: from the leakage report that was given. Noise 0 is none; loss is of the answers.',
        columns: [
          { title: 'cut' },
          { title: 'depth', unit: '%' },
          { title: 'noise' },
          { title: 'dCor' },
          { title: 'PSNR', unit: 'dB' },
          { title: 'SSIM' },
          { title: 'got back', unit: '%' },
          { title: 'loss', unit: '%' },
        ],
        rows,
      },
    ],
  };
}
