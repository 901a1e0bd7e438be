/** One cut in one profile: tables are learnt, everything is sent as it would be, the tails run, the outputs are compared. */
import { calibrateTables } from '../codec/calibrate-tables.ts';
import type { Codec, CodecProfile } from '../codec/codec.ts';
import type { CalibratedTables } from '../codec/entropy/calibrated-tables.ts';
import { ENTROPY_IDS } from '../codec/frame.ts';
import { profileSteps } from '../codec/profile.ts';
import type { Cut } from '../cut/cut.ts';
import { isSplitError } from '../errors.ts';
import { type CalibratedArm, isOverBudget } from '../planner/calibration.ts';
import type { Executor } from '../runtime/executor/executor.ts';
import type { Tensor, Tensors } from '../tensor.ts';
import { changeOf, type OutputChange } from './calibrate-change.ts';
import type { MeasuredChange, Metric, MetricCase } from './calibrate-metric.ts';
import type { TableBook } from './calibrate-table-book.ts';

export interface CutJob {
  readonly executor: Executor;
  readonly codec: Codec;
  readonly book: TableBook;
  readonly cut: Cut;
  /** The model's inputs; for each of them what crosses the cut, and what the uncut model gives. */
  readonly inputs: readonly Tensors[];
  readonly crossing: readonly Tensors[];
  readonly expected: readonly Tensors[];
  /** The model's outputs. */
  readonly fetches: readonly string[];
  readonly metric: Metric;
  readonly budget: number | null;
  readonly signal?: AbortSignal | undefined;
}

type TablesByName = Readonly<Record<string, CalibratedTables>>;

export async function measureArm(job: CutJob, profile: CodecProfile): Promise<CalibratedArm> {
  const tables = await learnTables(job, profile);
  const sent: Sent[] = [];
  for (const [place] of job.inputs.entries()) sent.push(await send(job, { profile, tables, place }));
  const change = measuredChange(sent.map((one) => one.change));
  const outputs = sent.map((one) => one.outputs);
  const accuracyLoss = await lossOf(job, outputs, change);
  const refused = isOverBudget(accuracyLoss, job.budget);
  const counted = sent.filter((_, place) => isCounted(place, sent.length));
  const [sentBytes, rawBytes] = [
    mean(counted.map((one) => one.bytes)),
    mean(counted.map((one) => one.rawBytes)),
  ];
  return {
    cutId: job.cut.id,
    profile,
    sentBytes,
    ratio: sentBytes > 0 ? rawBytes / sentBytes : 1,
    ...change,
    accuracyLoss,
    // Nobody will use those of a refused arm.
    tables: refused ? {} : idsOf(tables),
    refused,
  };
}

function idsOf(tables: TablesByName): CalibratedArm['tables'] {
  return Object.fromEntries(Object.entries(tables).map(([name, { id }]) => [name, String(id)]));
}

/** Tables are learnt from every second input and bytes counted on the others, so that no table has seen what it is counted on. */
const isLearnt = (place: number): boolean => place % 2 === 0;
const isCounted = (place: number, inputs: number): boolean => inputs === 1 || !isLearnt(place);
/** More teach a table next to nothing and take their time. */
const MAX_LEARNT = 16;

async function learnTables({ cut, crossing, book }: CutJob, profile: CodecProfile): Promise<TablesByName> {
  const { entropy } = profileSteps(profile);
  if (entropy !== ENTROPY_IDS.rans && entropy !== ENTROPY_IDS.contextRans) return {};
  const learnt = crossing.filter((_, place) => isLearnt(place)).slice(0, MAX_LEARNT);
  const made: Record<string, CalibratedTables> = {};
  for (const { name } of cut.tensors) {
    const tables = await tablesFor(
      learnt.map((values) => values[name] as Tensor),
      profile,
    );
    const added = tables && book.add(tables);
    if (added) made[name] = added;
  }
  return made;
}

/** Whole numbers, and what the number format cannot keep, travel without tables. */
async function tablesFor(tensors: readonly Tensor[], profile: CodecProfile) {
  try {
    return await calibrateTables(tensors, profile);
  } catch (error) {
    if (isSplitError(error) && error.code === 'codec-invalid') return undefined;
    throw error;
  }
}

interface Sent {
  readonly bytes: number;
  readonly rawBytes: number;
  readonly outputs: Tensors;
  readonly change: OutputChange;
}

interface Sending {
  readonly profile: CodecProfile;
  readonly tables: TablesByName;
  readonly place: number;
}

async function send(job: CutJob, { profile, tables, place }: Sending): Promise<Sent> {
  const { cut, codec, executor, fetches, signal } = job;
  const [values = {}, expected = {}] = [job.crossing[place], job.expected[place]];
  const feeds: Record<string, Tensor> = {};
  let [bytes, rawBytes] = [0, 0];
  for (const { name } of cut.tensors) {
    const tensor = values[name] as Tensor;
    const frame = await codec.encode(tensor, profile, { tables: tables[name] });
    feeds[name] = await codec.decode(frame, { maxBytes: tensor.data.byteLength });
    bytes += frame.length;
    rawBytes += tensor.data.byteLength;
  }
  const behind = fetches.filter((name) => !cut.headOutputs.includes(name));
  const tail =
    behind.length > 0 ? (await executor.run({ from: cut, feeds, fetches: behind, signal })).values : {};
  // What the head makes stays on the device, as it is.
  const outputs = { ...expected, ...tail };
  return { bytes, rawBytes, outputs, change: changeOf(expected, outputs, fetches) };
}

/** What the metric says of the outputs that were found; null where that is no number. */
export async function lossOf(
  { inputs, expected, metric }: Pick<CutJob, 'inputs' | 'expected' | 'metric'>,
  outputs: readonly Tensors[],
  change: MeasuredChange,
): Promise<number | null> {
  const cases = outputs.map((found, place): MetricCase => {
    return { feeds: inputs[place] ?? {}, expected: expected[place] ?? {}, found };
  });
  const said = await metric.loss(cases, change);
  return said !== null && Number.isFinite(said) ? said : null;
}

export function measuredChange(changes: readonly OutputChange[]): MeasuredChange {
  const worst = Math.max(...changes.map(({ relativeL2 }) => relativeL2));
  const positions = changes.reduce((sum, change) => sum + change.positions, 0);
  const same = changes.reduce((sum, change) => sum + change.same, 0);
  return {
    error: Number.isFinite(worst) ? worst : null,
    agreement: positions > 0 ? same / positions : null,
  };
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
