/** A calibration: what every cut does to the outputs in every profile, what it sends, and the coder tables for it. */
import type { Codec, CodecProfile } from '../codec/codec.ts';
import type { CalibratedTables } from '../codec/entropy/calibrated-tables.ts';
import { isSequenceProfile, profileSteps } from '../codec/profile.ts';
import type { Cut } from '../cut/cut.ts';
import { SplitError } from '../errors.ts';
import type { CalibratedArm, CalibratedWay, Calibration } from '../planner/calibration.ts';
import type { CutWay } from '../planner/way-arms.ts';
import type { Executor } from '../runtime/executor/executor.ts';
import type { Tensors } from '../tensor.ts';
import { type CutJob, measureArm } from './calibrate-arm.ts';
import { stepBetween } from './calibrate-ladder.ts';
import type { Metric } from './calibrate-metric.ts';
import { createTableBook } from './calibrate-table-book.ts';
import { measureWay, type WayJob, wayId } from './calibrate-way.ts';

export interface CalibrationRequest {
  /** Its cuts are calibrated. */
  readonly executor: Executor;
  /** A codec that finds tables where the calibration keeps them. */
  createCodec(findTables: (id: number) => CalibratedTables | undefined): Codec;
  /** At least one. What crosses one cut for all of them is held at a time. */
  readonly inputs: readonly Tensors[];
  /** The model's outputs. */
  readonly fetches: readonly string[];
  /** Each tensor by itself: none of a sequence. */
  readonly profiles: readonly CodecProfile[];
  readonly metric: Metric;
  /** Largest loss that is not refused; null refuses nothing. */
  readonly budget: number | null;
  readonly modelDigest: string;
  /** Arms of more than one cut to measure as well, in those profiles that are not refused at their first cut. @default none */
  readonly ways?: readonly CutWay[] | undefined;
  /** Told before each cut. */
  onCut?(cut: Cut, place: number): void;
  /** Told before each way. */
  onWay?(place: number, count: number): void;
  readonly signal?: AbortSignal | undefined;
}

/** @throws SplitError `options-invalid` without inputs or for a profile of a sequence; what executor, codec and metric throw */
export async function calibrateModel(request: CalibrationRequest): Promise<Calibration> {
  const { executor, inputs, metric, budget, modelDigest } = request;
  checkRequest(request);
  const book = createTableBook();
  const codec = request.createCodec(book.find);
  const expected = await wholeOutputs(request);
  const arms: CalibratedArm[] = [];
  for (const [place, cut] of executor.cuts.entries()) {
    request.onCut?.(cut, place);
    const crossing = await headOutputs(request, cut);
    arms.push(...(await armsOf(request, { ...request, cut, codec, book, crossing, expected })));
  }
  const ways = await waysOf(request, { codec, expected, arms });
  const head = { format: 'cutpoint-calibration', version: 1, modelDigest } as const;
  const found = { inputs: inputs.length, metric: metric.name, budget, arms, tables: book.usedBy(arms) };
  return { ...head, ...found, ...(ways.length > 0 && { ways }) };
}

interface Known {
  readonly codec: Codec;
  readonly expected: readonly Tensors[];
  readonly arms: readonly CalibratedArm[];
}

async function waysOf(request: CalibrationRequest, known: Known): Promise<CalibratedWay[]> {
  const { executor, ways = [], inputs } = request;
  const cutCalled = (id: string) => {
    const cut = executor.cuts.find((one) => one.id === id);
    if (cut) return cut;
    throw new SplitError('cut-invalid', `cut ${id} is none of those that are calibrated`);
  };
  const found: CalibratedWay[] = [];
  for (const [place, { from, via, to }] of ways.entries()) {
    request.onWay?.(place, ways.length);
    const cut = from === null ? undefined : cutCalled(from);
    const way = { cut, via: via.map(cutCalled), to: to === undefined ? undefined : cutCalled(to) };
    const crossing = cut ? await headOutputs(request, cut) : inputs;
    const job: WayJob = { ...request, ...known, way, crossing };
    found.push(...(await measureProfiles(job, wayProfiles(request, known.arms, from))));
  }
  return found;
}

/** What packs the numbers changes none: formats are measured once. */
async function measureProfiles(
  job: WayJob,
  profiles: readonly CodecProfile[],
): Promise<readonly CalibratedWay[]> {
  const byFormat = new Map<string, CalibratedWay>();
  const found: CalibratedWay[] = [];
  for (const profile of profiles) {
    const { numberFormat, share } = profileSteps(profile);
    const key = `${numberFormat} ${share}`;
    const measured = byFormat.get(key) ?? (await measureWay(job, profile));
    byFormat.set(key, measured);
    found.push({ ...measured, id: wayId(job.way, profile) });
  }
  return found;
}

/** The input goes as it is, or packed without loss. */
function wayProfiles(
  { profiles }: CalibrationRequest,
  arms: readonly CalibratedArm[],
  from: string | null,
): readonly CodecProfile[] {
  if (from === null) return ['float32', 'float32+deflate'];
  return profiles.filter((profile) =>
    arms.some((arm) => arm.cutId === from && arm.profile === profile && !arm.refused),
  );
}

function checkRequest({ inputs, profiles }: CalibrationRequest): void {
  if (inputs.length === 0) throw new SplitError('options-invalid', 'inputs are 0; expected 1 or more');
  const sequence = profiles.find(isSequenceProfile);
  if (sequence === undefined) return;
  throw new SplitError(
    'options-invalid',
    `profile '${sequence}' is one of a sequence; a calibration measures tensors by themselves`,
  );
}

/** More steps between the largest good and the smallest bad one: two of them come within a fifth of the best. */
const MAX_STEPS_BETWEEN = 2;

async function armsOf({ profiles }: CalibrationRequest, job: CutJob): Promise<readonly CalibratedArm[]> {
  const arms: CalibratedArm[] = [];
  for (const profile of profiles) arms.push(await measureArm(job, profile));
  for (let more = 0; more < MAX_STEPS_BETWEEN; more++) {
    const profile = stepBetween(arms);
    if (profile === undefined) break;
    arms.push(await measureArm(job, profile));
  }
  return arms;
}

async function wholeOutputs({ executor, inputs, fetches, signal }: CalibrationRequest) {
  const outputs: Tensors[] = [];
  for (const feeds of inputs) outputs.push((await executor.run({ feeds, fetches, signal })).values);
  return outputs;
}

async function headOutputs({ executor, inputs, signal }: CalibrationRequest, cut: Cut) {
  const fetches = cut.tensors.map(({ name }) => name);
  const crossing: Tensors[] = [];
  for (const feeds of inputs) crossing.push((await executor.run({ to: cut, feeds, fetches, signal })).values);
  return crossing;
}
