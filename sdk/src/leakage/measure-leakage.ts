/**
 * What a cut gives away, measured: how much the activation has to do with the input, and how well an attacker who has seen
 * other inputs with their activations guesses an input from what travels. Beside it, what a noise stage does to both, and to
 * the answers.
 */
import type { Codec, CodecProfile } from '../codec/codec.ts';
import type { Cut } from '../cut/cut.ts';
import { SplitError } from '../errors.ts';
import { changeOf } from '../profiler/calibrate-change.ts';
import type { Executor } from '../runtime/executor/executor.ts';
import type { Tensor, Tensors } from '../tensor.ts';
import { distanceCorrelation } from './distance-correlation.ts';
import { type Picture, psnr, ssim } from './likeness.ts';
import { withNoise } from './noise.ts';
import { clamped, formOf, type PictureForm, rangeOf, smallPicture } from './picture.ts';
import { fitRidge } from './ridge.ts';

export interface LeakageRequest {
  /** Its cuts are measured. */
  readonly executor: Executor;
  readonly codec: Codec;
  /** At least 8: three quarters teach the attacker, the others are guessed. */
  readonly inputs: readonly Tensors[];
  /** Which input the attacker wants. */
  readonly target: string;
  /** The model's outputs. */
  readonly fetches: readonly string[];
  /** As activations travel. */
  readonly profile: CodecProfile;
  /** Levels of the noise stage besides none; see noise.ts. */
  readonly noiseLevels: readonly number[];
  /** Longest side of the picture that the attacker wants back, in points. */
  readonly mostSide: number;
  /** Uniform numbers in [0, 1): which inputs are guessed, and the noise. */
  random(): number;
  /** Told before each cut. */
  onCut?(cut: Cut, place: number): void;
  readonly signal?: AbortSignal | undefined;
}

export interface LevelLeakage {
  /** Standard deviation of the noise as a share of the activation's; 0 is none. */
  readonly noise: number;
  /** Between input and activation, 0 to 1. */
  readonly distanceCorrelation: number;
  /** Of the attacker's guesses, the mean over the guessed inputs. */
  readonly psnr: number;
  readonly ssim: number;
  /** Share of what differs between inputs that the attacker gets right: 0 is the mean of the others, 1 is all. */
  readonly explained: number;
  /** Share of the model's decisions that stay the same; null where it makes none. */
  readonly agreement: number | null;
  /** Relative L2 of the outputs, the mean over the guessed inputs. */
  readonly outputError: number;
  readonly lambda: number;
  /** Of the inputs that are shown. */
  readonly guesses: readonly Picture[];
}

export interface CutLeakage {
  readonly cut: Cut;
  /** Numbers of an activation, and how many of them the attacker looks at. */
  readonly values: number;
  readonly features: number;
  readonly levels: readonly LevelLeakage[];
}

export interface Leakage {
  readonly form: PictureForm;
  readonly taught: number;
  readonly guessed: number;
  /** What a guess is worth that has not seen the activation: the mean of the others. */
  readonly blind: { readonly psnr: number; readonly ssim: number };
  /** Inputs that are shown, as small as the attacker wants them. */
  readonly shown: readonly Picture[];
  readonly cuts: readonly CutLeakage[];
}

const LEAST_INPUTS = 8;
const GUESSED_SHARE = 0.25;
const MOST_SHOWN = 6;
/** An attacker with more would take a thousand inputs' worth of memory; it sees every k-th number of larger activations. */
const MOST_FEATURES = 1 << 15;

/** @throws SplitError `options-invalid` for fewer than 8 inputs, or a target that is none; what executor and codec throw */
export async function measureLeakage(request: LeakageRequest): Promise<Leakage> {
  const { executor, inputs, target, mostSide, random } = request;
  const wanted = inputs.map((feeds) => feeds[target]);
  const [first] = wanted;
  if (inputs.length < LEAST_INPUTS || !first)
    throw new SplitError(
      'options-invalid',
      `leakage of ${inputs.length} inputs named '${target}'; expected ${LEAST_INPUTS} or more, of which the attacker learns`,
    );
  const form = formOf(first, mostSide);
  const range = rangeOf(wanted as readonly Tensor[]);
  const pictures = wanted.map((tensor) => smallPicture(tensor as Tensor, form, range));
  const order = shuffled(inputs.length, random);
  const count = Math.max(2, Math.round(inputs.length * GUESSED_SHARE));
  const job: Job = { ...request, pictures, guessed: order.slice(0, count), taught: order.slice(count) };
  const expected = await wholeOutputs(job);
  const cuts: CutLeakage[] = [];
  for (const [place, cut] of executor.cuts.entries()) {
    request.onCut?.(cut, place);
    cuts.push(await leakageOf(job, cut, expected));
  }
  return {
    ...{ form, taught: job.taught.length, guessed: count },
    blind: blindGuess(job),
    shown: shownOf(job).map((place) => pictures[place] as Picture),
    cuts,
  };
}

interface Job extends LeakageRequest {
  /** What the attacker wants, for each input. */
  readonly pictures: readonly Picture[];
  /** Places of inputs. */
  readonly taught: readonly number[];
  readonly guessed: readonly number[];
}

const shownOf = ({ guessed }: Job): readonly number[] => guessed.slice(0, MOST_SHOWN);

async function wholeOutputs({ executor, inputs, fetches, guessed, signal }: Job) {
  const outputs = new Map<number, Tensors>();
  for (const place of guessed) {
    const { values } = await executor.run({ feeds: inputs[place] ?? {}, fetches, signal });
    outputs.set(place, values);
  }
  return outputs;
}

async function leakageOf(job: Job, cut: Cut, expected: ReadonlyMap<number, Tensors>): Promise<CutLeakage> {
  const crossing: Tensors[] = [];
  const fetches = cut.tensors.map(({ name }) => name);
  for (const feeds of job.inputs)
    crossing.push((await job.executor.run({ to: cut, feeds, fetches, signal: job.signal })).values);
  const values = Object.values(crossing[0] ?? {}).reduce((sum, { data }) => sum + data.length, 0);
  const levels: LevelLeakage[] = [];
  for (const noise of [0, ...job.noiseLevels])
    levels.push(await levelOf(job, { cut, crossing, expected, noise }));
  return { cut, values, features: Math.min(values, MOST_FEATURES), levels };
}

interface LevelJob {
  readonly cut: Cut;
  readonly crossing: readonly Tensors[];
  readonly expected: ReadonlyMap<number, Tensors>;
  readonly noise: number;
}

async function levelOf(job: Job, { cut, crossing, expected, noise }: LevelJob): Promise<LevelLeakage> {
  const arrived: Tensors[] = [];
  for (const values of crossing) arrived.push(await travelled(job, values, noise));
  const features = arrived.map(featuresOf);
  const rowsOf = (places: readonly number[], rows: readonly Float32Array[]) =>
    places.map((place) => rows[place] as Float32Array);
  const data = job.pictures.map((picture) => picture.data);
  const ridge = fitRidge(rowsOf(job.taught, features), rowsOf(job.taught, data));
  const guesses = new Map(
    job.guessed.map((place) => {
      const guess = ridge.predict(features[place] as Float32Array);
      return [place, clamped({ ...(job.pictures[place] as Picture), data: guess })] as const;
    }),
  );
  const pairs = job.guessed.map((place) => [job.pictures[place], guesses.get(place)] as [Picture, Picture]);
  return {
    noise,
    distanceCorrelation: distanceCorrelation(data, features),
    ...likenessOf(pairs),
    explained: explainedBy(pairs, meanPicture(job)),
    ...(await answersOf(job, { cut, arrived, expected })),
    lambda: ridge.lambda,
    guesses: shownOf(job).map((place) => guesses.get(place) as Picture),
  };
}

/** As the gateway, and whoever listens behind the seal, has it. */
async function travelled({ codec, profile, random }: Job, values: Tensors, noise: number): Promise<Tensors> {
  const arrived: Record<string, Tensor> = {};
  for (const [name, tensor] of Object.entries(values)) {
    const frame = await codec.encode(withNoise(tensor, noise, random), profile);
    arrived[name] = await codec.decode(frame, { maxBytes: tensor.data.byteLength });
  }
  return arrived;
}

/** All numbers that travelled, or every k-th where they are many. */
function featuresOf(values: Tensors): Float32Array {
  const tensors = Object.values(values);
  const whole = tensors.reduce((sum, { data }) => sum + data.length, 0);
  const step = Math.max(1, whole / MOST_FEATURES);
  const features = new Float32Array(Math.min(whole, MOST_FEATURES));
  let start = 0;
  for (const { data } of tensors) {
    const from = Math.ceil(start / step);
    for (let k = from; k < features.length; k++) {
      const place = Math.floor(k * step) - start;
      if (place >= data.length) break;
      features[k] = Number(data[place]);
    }
    start += data.length;
  }
  return features;
}

function likenessOf(pairs: readonly (readonly [Picture, Picture])[]) {
  const mean = (likeness: (a: Picture, b: Picture) => number) =>
    pairs.reduce((sum, [a, b]) => sum + likeness(a, b), 0) / pairs.length;
  return { psnr: mean(psnr), ssim: mean(ssim) };
}

function blindGuess(job: Job) {
  const blind = meanPicture(job);
  return likenessOf(job.guessed.map((place) => [job.pictures[place] as Picture, blind] as const));
}

function meanPicture({ pictures, taught }: Job): Picture {
  const data = new Float32Array(pictures[0]?.data.length ?? 0);
  for (const place of taught) {
    const own = pictures[place]?.data ?? data;
    for (let k = 0; k < data.length; k++) data[k] = (data[k] as number) + (own[k] as number) / taught.length;
  }
  return { ...(pictures[0] as Picture), data };
}

function explainedBy(pairs: readonly (readonly [Picture, Picture])[], blind: Picture): number {
  let [left, all] = [0, 0];
  for (const [{ data }, guess] of pairs) {
    for (let k = 0; k < data.length; k++) {
      left += ((data[k] as number) - (guess.data[k] as number)) ** 2;
      all += ((data[k] as number) - (blind.data[k] as number)) ** 2;
    }
  }
  return all === 0 ? 0 : 1 - left / all;
}

interface Answers {
  readonly cut: Cut;
  readonly arrived: readonly Tensors[];
  readonly expected: ReadonlyMap<number, Tensors>;
}

async function answersOf(
  { executor, fetches, guessed, signal }: Job,
  { cut, arrived, expected }: Answers,
): Promise<Pick<LevelLeakage, 'agreement' | 'outputError'>> {
  const behind = fetches.filter((name) => !cut.headOutputs.includes(name));
  let [positions, same, error] = [0, 0, 0];
  for (const place of guessed) {
    const exact = expected.get(place) ?? {};
    const run = executor.run({ from: cut, feeds: arrived[place] ?? {}, fetches: behind, signal });
    const change = changeOf(exact, { ...exact, ...(await run).values }, fetches);
    positions += change.positions;
    same += change.same;
    error += change.relativeL2 / guessed.length;
  }
  return { agreement: positions > 0 ? same / positions : null, outputError: error };
}

/** Fisher and Yates. */
function shuffled(count: number, random: () => number): readonly number[] {
  const order = Array.from({ length: count }, (_, place) => place);
  for (let place = count - 1; place > 0; place--) {
    const other = Math.floor(random() * (place + 1));
    [order[place], order[other]] = [order[other] as number, order[place] as number];
  }
  return order;
}

/** What noise costs in answers: the share of decisions that change, or where there are none, how far the outputs are off. */
export function lossOf({ agreement, outputError }: Pick<LevelLeakage, 'agreement' | 'outputError'>): number {
  return agreement === null ? outputError : 1 - agreement;
}

/** The strongest noise whose loss is within the budget; `undefined` where not even none is. */
export function calibratedLevel({ levels }: CutLeakage, budget: number): LevelLeakage | undefined {
  const within = levels.filter((level) => lossOf(level) <= budget);
  return within.reduce<LevelLeakage | undefined>(
    (most, one) => (!most || one.noise > most.noise ? one : most),
    undefined,
  );
}
