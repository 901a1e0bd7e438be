/** The calibration's file: what each cut costs in each profile, measured, and the coder tables made for it. */
import { z } from 'zod';
import { isCodecProfile } from '../codec/profile.ts';
import { SplitError } from '../errors.ts';
import { canonicalJson } from './canonical-json.ts';
import { describeIssues } from './policy.ts';
import { Digest } from './profile.ts';

const MAX_ARMS = 10_000;
const MAX_TABLES = 10_000;
/** Characters of base64; tables that can be built have a few kilobytes. */
const MAX_TABLE_TEXT = 1 << 20;

const Text = z.string().max(4096);
const Amount = z.number().nonnegative();
const TableId = z.string().regex(/^(0|[1-9]\d{0,9})$/, 'expected the number of a table');

const Arm = z.strictObject({
  cutId: Text,
  profile: z.string().refine(isCodecProfile, 'expected a codec profile'),
  /** What crosses the cut for one input, mean over the inputs. */
  sentBytes: Amount,
  /** How often `sentBytes` fits into the same tensors as they are. */
  ratio: Amount,
  /** Relative L2 of the final outputs against the uncut model's, worst input; null where that is no number. */
  error: Amount.nullable(),
  /** Share of the positions whose largest output stays the largest, over all inputs; null where that cannot be asked. */
  agreement: z.number().min(0).max(1).nullable(),
  /** What the metric says; the budget is compared with this. Null where it gave no number: such an arm is refused. */
  accuracyLoss: z.number().nullable(),
  /** By name of the tensor: which of `tables` it uses. */
  tables: z.record(Text, TableId),
  refused: z.boolean(),
});

/** An arm of more than one cut. */
const Way = z.strictObject({
  /** As arms are named: FIRST-LAST/PROFILE, FIRST>SECOND/PROFILE. */
  id: Text,
  /** As of the arms of one cut. */
  error: Amount.nullable(),
  agreement: z.number().min(0).max(1).nullable(),
  accuracyLoss: z.number().nullable(),
  refused: z.boolean(),
});

const Calibration = z.strictObject({
  format: z.literal('cutpoint-calibration'),
  version: z.literal(1),
  modelDigest: Digest,
  /** How many were measured. */
  inputs: z.int().positive(),
  metric: Text,
  /** The largest `accuracyLoss` that is not refused, as a share: 0.005 is half a percent. */
  budget: Amount.nullable(),
  arms: z.array(Arm).max(MAX_ARMS),
  /** Absent where none was measured. */
  ways: z.array(Way).max(MAX_ARMS).optional(),
  tables: z.record(TableId, z.base64().max(MAX_TABLE_TEXT)),
});

export type CalibratedArm = Readonly<z.infer<typeof Arm>>;
export type CalibratedWay = Readonly<z.infer<typeof Way>>;
export type Calibration = Readonly<z.infer<typeof Calibration>>;

/**
 * A parsed calibration file.
 * @throws SplitError `options-invalid` for another format, a wrong field, an arm that names tables which are not there, or
 * one that is over the budget and not refused
 */
export function readCalibration(content: unknown): Calibration {
  const parsed = Calibration.safeParse(content);
  if (!parsed.success) {
    throw new SplitError('options-invalid', describeIssues('calibration', parsed.error.issues));
  }
  const { arms, ways = [], tables, budget } = parsed.data;
  if (Object.keys(tables).length > MAX_TABLES) {
    throw new SplitError('options-invalid', `calibration.tables has more than ${MAX_TABLES} entries`);
  }
  for (const [index, arm] of arms.entries()) {
    const problem = missingTable(arm, tables) ?? wronglyAllowed(arm, budget);
    if (problem) throw new SplitError('options-invalid', `calibration.arms.${index}${problem}`);
  }
  for (const [index, way] of ways.entries()) {
    const problem = wronglyAllowed(way, budget);
    if (problem) throw new SplitError('options-invalid', `calibration.ways.${index}${problem}`);
  }
  return parsed.data;
}

/** The file's text: the same calibration is the same text. */
export function calibrationText(calibration: Calibration): string {
  return `${canonicalJson(calibration)}\n`;
}

/** Whether an arm is refused: over the budget, or without a loss that can be compared with it. */
export function isOverBudget(accuracyLoss: number | null, budget: number | null): boolean {
  return budget !== null && (accuracyLoss === null || !(accuracyLoss <= budget));
}

function missingTable(arm: CalibratedArm, tables: Calibration['tables']): string | undefined {
  const missing = Object.entries(arm.tables).find(([, id]) => !Object.hasOwn(tables, id));
  return missing && `.tables.${missing[0]}: table ${missing[1]} is not in calibration.tables`;
}

function wronglyAllowed(
  arm: Pick<CalibratedArm, 'accuracyLoss' | 'refused'>,
  budget: number | null,
): string | undefined {
  if (arm.refused || !isOverBudget(arm.accuracyLoss, budget)) return undefined;
  return `.refused: loss ${arm.accuracyLoss} is over the budget of ${budget}, expected true`;
}
