/** The split session: ONNX Runtime's InferenceSession, of which a part runs elsewhere. */
import { Tensor as OrtTensor } from 'onnxruntime-common';
import type { Prediction } from '../adaptive/controller.ts';
import { asSplitError, SplitError } from '../errors.ts';
import { type Arm, DEVICE_ARM, type SplitArm } from '../planner/arm.ts';
import type { Tensor, TensorInfo, Tensors } from '../tensor.ts';
import { adoptTailTimes, calibrate } from './calibrate.ts';
import { hasImages } from './frontier-frames.ts';
import { createJournal, type Journal, type SessionEvents, type SessionStats } from './journal.ts';
import type { SessionParts } from './parts.ts';
import { type Fetches, type RunArguments, type RunOptions, readRunArguments } from './run-arguments.ts';
import { type Answer, runLocal } from './run-local.ts';
import { createRunQueue } from './run-queue.ts';
import { runSplit } from './run-split.ts';
import { findTail, type Tail } from './tail.ts';
import type { Trace } from './trace.ts';

/** One value's name, type and shape, as onnxruntime-common's InferenceSession gives it. */
export interface ValueMetadata {
  readonly name: string;
  readonly isTensor: true;
  readonly type: Tensor['type'];
  /** A string is a symbolic dimension, '' one without a name. */
  readonly shape: readonly (number | string)[];
}

export interface SplitSession extends AsyncDisposable {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly inputMetadata: readonly ValueMetadata[];
  readonly outputMetadata: readonly ValueMetadata[];
  /** What a run can do: `device`, or a cut and a profile. The rules given at creation have already been applied. */
  readonly arms: readonly Arm[];
  /** What each arm would take now, the best first; empty before the first run. Arms that need pictures are among them. */
  predictions(): readonly Prediction[];
  /** What happened since the session was made. */
  stats(): SessionStats;
  /** `cut-change`: another arm is in use from now on. @returns removes the listener */
  on<Name extends keyof SessionEvents>(
    name: Name,
    listener: (event: SessionEvents[Name]) => void,
  ): () => void;
  /** Of the run that ended last; `undefined` before the first. */
  readonly lastTrace: Trace | undefined;
  /**
   * As InferenceSession.run: feeds, then fetches or options, then options.
   * The first run is answered on the device and measures what each arm costs with these feeds.
   * @throws SplitError
   */
  run(feeds: Tensors, options?: RunOptions): Promise<Record<string, OrtTensor>>;
  run(feeds: Tensors, fetches: Fetches, options?: RunOptions): Promise<Record<string, OrtTensor>>;
  /** Ends the runs in progress, leaves the broker and frees the model. Safe to call twice. */
  release(): Promise<void>;
}

export function createSession(parts: SessionParts): SplitSession {
  const state = createState(parts);
  const { inputs, outputs } = parts.model;
  return {
    inputNames: inputs.map(({ name }) => name),
    outputNames: outputs.map(({ name }) => name),
    inputMetadata: inputs.map(metadata),
    outputMetadata: outputs.map(metadata),
    arms: parts.arms,
    predictions: () => parts.controller.rank(parts.arms, parts.clock.nowMs()),
    stats: state.journal.stats,
    on: state.journal.on,
    get lastTrace() {
      return state.lastTrace();
    },
    run: state.run,
    release: state.release,
    [Symbol.asyncDispose]: state.release,
  };
}

function createState(parts: SessionParts) {
  let lastTrace: Trace | undefined;
  let calibration: Promise<Answer> | undefined;
  let released: Promise<void> | undefined;
  const journal = createJournal(DEVICE_ARM.id);
  const queue = createRunQueue(parts.options.queue, parts.clock);

  async function run(feeds: Tensors, second?: Fetches | RunOptions, third?: RunOptions) {
    if (released) throw new SplitError('closed', 'run after release');
    const args = readRunArguments(parts.model, feeds, second, third);
    const answer = await noted(args);
    lastTrace = answer.trace;
    args.options.onTrace?.(answer.trace);
    return Object.fromEntries(
      Object.entries(answer.outputs).map(([name, tensor]) => [name, toOrtTensor(tensor)]),
    );
  }

  async function noted(args: RunArguments): Promise<Answer> {
    const { signal } = args.options;
    const calledAtMs = parts.clock.nowMs();
    const work = (where: 'any' | 'local') =>
      answerOf(args, { where, queuedMs: parts.clock.nowMs() - calledAtMs });
    try {
      const answer = await stoppable(signal, () =>
        queue.submit({ bytes: feedBytes(args.feeds), signal, work }),
      );
      journal.answered(answer.trace);
      return answer;
    } catch (error) {
      journal.failed(error);
      throw error;
    }
  }

  /** The first run calibrates; those that come while it does wait for it, and then go their way. */
  async function answerOf(args: RunArguments, { where, queuedMs }: Place): Promise<Answer> {
    if (released) throw new SplitError('closed', 'released while the run waited for its turn');
    if (calibration === undefined) {
      calibration = calibrate(parts, args, DEVICE_ARM);
      calibration.catch(() => {
        calibration = undefined;
      });
      return calibration;
    }
    await calibration.catch(() => undefined);
    return where === 'local'
      ? runLocal(parts, args, DEVICE_ARM)
      : runOnce(parts, args, { journal, queuedMs });
  }

  async function release(): Promise<void> {
    released ??= (async () => {
      await parts.client.close();
      await parts.executor.close();
      await parts.close();
    })();
    return released;
  }

  return { run, release, journal, lastTrace: () => lastTrace };
}

/** How a run came out of the queue. */
interface Place {
  readonly where: 'any' | 'local';
  /** The deadline holds for the wait too. */
  readonly queuedMs: number;
}

/** Whatever way the signal ends the work, the caller sees `aborted`. */
async function stoppable<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  try {
    signal?.throwIfAborted();
    return await work();
  } catch (error) {
    if (signal?.aborted) throw new SplitError('aborted', 'the caller stopped the run', { cause: error });
    throw asSplitError(error);
  }
}

/** One run after calibration: look for a tail, choose the arm, go. */
async function runOnce(
  parts: SessionParts,
  args: RunArguments,
  { journal, queuedMs }: { readonly journal: Journal; readonly queuedMs: number },
): Promise<Answer> {
  const deadlineMs = (args.options.deadlineMs ?? parts.options.deadlineMs) - queuedMs;
  const deadlineAtMs = parts.clock.nowMs() + deadlineMs;
  const tail = findTail(parts.client.gateways(), parts.options.model, parts.model.digest);
  if (tail.announced) meet(parts, tail);
  const arm = chooseArm(parts, args, tail);
  if (args.options.arm === undefined) {
    journal.chosen(arm, tail.error === undefined, () =>
      parts.controller.rank(parts.arms, parts.clock.nowMs()),
    );
  }
  if (arm.kind === 'device' || tail.error) return localAnswer(parts, args, tail);
  return runSplit(parts, args, {
    arm,
    gateway: tail.gateway,
    deadlineAtMs,
    localTailMs: localTailMs(parts, arm, deadlineMs),
  });
}

/** A gateway met for the first time says how long its tails take, and the link to it how long a message takes. */
function meet(parts: SessionParts, { gateway, announced }: Extract<Tail, { announced: object }>): void {
  const roundTripMs = parts.client.roundTripMs(gateway);
  if (roundTripMs !== undefined) parts.controller.pushRoundTrip(roundTripMs);
  if (parts.known.announced === announced) return;
  parts.known.announced = announced;
  adoptTailTimes(parts, announced);
}

/** Edge-only by choice, or because no gateway serves the model; without a fallback the latter is an error. */
async function localAnswer(parts: SessionParts, args: RunArguments, tail: Tail): Promise<Answer> {
  if (tail.error && parts.options.fallback === 'none') throw tail.error;
  const answer = await runLocal(parts, args, DEVICE_ARM);
  if (!tail.error) return answer;
  return { ...answer, trace: { ...answer.trace, fallback: 'local', reason: tail.error.code } };
}

function chooseArm(parts: SessionParts, args: RunArguments, tail: Tail): Arm {
  const wanted = args.options.arm;
  if (wanted !== undefined) return namedArm(parts, args, wanted);
  if (tail.error) return DEVICE_ARM;
  const possible = parts.arms.filter((arm) => isPossible(arm, args, tail));
  return parts.controller.choose(possible, parts.clock.nowMs());
}

function namedArm({ arms }: SessionParts, { options }: RunArguments, id: string): Arm {
  const arm = arms.find((candidate) => candidate.id === id);
  if (arm?.kind === 'split' && arm.cut.position === 0 && options.inputs === 'stay') {
    throw new SplitError('options-invalid', `arm '${id}' sends the input, and options.inputs is 'stay'`);
  }
  if (arm) return arm;
  throw new SplitError(
    'options-invalid',
    `there is no arm '${id}'; there are ${arms.map((candidate) => candidate.id).join(', ')}`,
  );
}

/** The gateway has the cut's tail, and pictures are at hand where the arm sends pictures. */
function isPossible(arm: Arm, args: RunArguments, tail: Tail): boolean {
  if (arm.kind === 'device') return true;
  if (arm.cut.position === 0 && args.options.inputs === 'stay') return false;
  if (arm.profile === 'image' && !hasImages(arm, args.options.images)) return false;
  return arm.cut.position === 0 || (tail.announced?.cuts.some(({ id }) => id === arm.cut.id) ?? false);
}

// Runs vary: the device's rest of the model is given a little more than it took when it was measured.
const LOCAL_MARGIN = 1.2;

/** Kept back from the deadline so that the device can still finish in time; nothing where it would not finish anyway. */
function localTailMs({ controller, options }: SessionParts, arm: SplitArm, deadlineMs: number): number {
  if (options.fallback === 'none') return 0;
  const whole = controller.cost(DEVICE_ARM)?.headMs ?? 0;
  const restMs = (whole - (controller.cost(arm)?.headMs ?? 0)) * LOCAL_MARGIN;
  return restMs < deadlineMs / 2 ? restMs : 0;
}

function feedBytes(feeds: Tensors): number {
  return Object.values(feeds).reduce((sum, { data }) => sum + data.byteLength, 0);
}

function metadata({ name, type, shape }: TensorInfo): ValueMetadata {
  return { name, isTensor: true, type, shape: shape ?? [] };
}

/** ONNX Runtime's own class at the public face, over the same memory. */
function toOrtTensor({ type, data, dims }: Tensor): OrtTensor {
  return new OrtTensor(type, data as OrtTensor.DataType & Float32Array, dims) as OrtTensor;
}
