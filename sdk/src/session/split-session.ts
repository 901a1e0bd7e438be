/** The split session: ONNX Runtime's InferenceSession, of which a part runs elsewhere. */
import { Tensor as OrtTensor } from 'onnxruntime-common';
import type { Prediction } from '../adaptive/controller.ts';
import { asSplitError, SplitError } from '../errors.ts';
import { type Arm, DEVICE_ARM } from '../planner/arm.ts';
import type { Tensor, TensorInfo, Tensors } from '../tensor.ts';
import { calibrate, calibrateHead } from './calibrate.ts';
import { isHead } from './head-rules.ts';
import { createJournal, type SessionEvents, type SessionStats } from './journal.ts';
import { createLinkProbe } from './link-probe.ts';
import type { SessionParts } from './parts.ts';
import { type Fetches, type RunArguments, type RunOptions, readRunArguments } from './run-arguments.ts';
import { type Answer, runLocal } from './run-local.ts';
import { runOnce } from './run-once.ts';
import { createRunQueue } from './run-queue.ts';
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
  /** What runs the model here: `onnxruntime-node 1.30.0 cpu, 2 threads`; also what was asked for and could not be had. */
  readonly runtime: string;
  /** What a run can do: `device`, or a cut and a profile. The rules given at creation have already been applied. */
  readonly arms: readonly Arm[];
  /** There where the file holds the head of a model alone, in Node: the head by itself, without a gateway. */
  readonly head: SessionHead | undefined;
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
   * The first run is answered on the device and measures what each arm costs with these feeds; of a head, or where it names
   * another arm, it measures, and is then answered as every run.
   * @throws SplitError
   */
  run(feeds: Tensors, options?: RunOptions): Promise<Record<string, OrtTensor>>;
  run(feeds: Tensors, fetches: Fetches, options?: RunOptions): Promise<Record<string, OrtTensor>>;
  /** Ends the runs in progress, leaves the broker and frees the model. Safe to call twice. */
  release(): Promise<void>;
}

/** The head up to its deepest cut, as the file holds it. */
export interface SessionHead {
  /** The deepest cut's id. */
  readonly cut: string;
  /** Those of the model that the head reads. */
  readonly inputNames: readonly string[];
  /** What it makes: what crosses the cut, and outputs of the model before it. */
  readonly outputNames: readonly string[];
  /** @throws SplitError */
  run(feeds: Tensors): Promise<Tensors>;
}

export function createSession(parts: SessionParts): SplitSession {
  const state = createState(parts);
  const { inputs, outputs } = parts.model;
  return {
    inputNames: inputs.map(({ name }) => name),
    outputNames: outputs.map(({ name }) => name),
    inputMetadata: inputs.map(metadata),
    outputMetadata: outputs.map(metadata),
    runtime: parts.runtime,
    arms: parts.arms,
    head: headOf(parts),
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

function headOf({ model, executor, pace }: SessionParts): SessionHead | undefined {
  const deepest = executor.cuts.at(-1);
  if (!isHead(model) || deepest === undefined) return undefined;
  const outputNames = model.graph.outputs.map(({ name }) => name);
  return {
    cut: deepest.id,
    inputNames: model.graph.inputs.map(({ name }) => name),
    outputNames,
    async run(feeds) {
      const run = await pace.stage('model', () => executor.run({ to: deepest, feeds, fetches: outputNames }));
      return run.value.values;
    },
  };
}

function createState(parts: SessionParts) {
  let lastTrace: Trace | undefined;
  let calibration: Promise<unknown> | undefined = parts.isPlanned ? Promise.resolve() : undefined;
  let released: Promise<void> | undefined;
  const journal = createJournal(DEVICE_ARM.id);
  journal.on('cut-change', ({ from, to, cause, reason }) =>
    parts.trail.note('cut-change', { from, to, cause, reason }),
  );
  const linkProbe = createLinkProbe(parts);
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

  async function noted(given: RunArguments): Promise<Answer> {
    const span = parts.options.tracer?.start(parts.options.model);
    const args = span ? { ...given, traceparent: span.traceparent } : given;
    const { signal } = args.options;
    const calledAtMs = parts.clock.nowMs();
    const waitedMs = () => parts.clock.nowMs() - calledAtMs;
    const work = (where: 'any' | 'local') => answerOf(args, { where, waitedMs });
    try {
      const answer = await stoppable(signal, () =>
        queue.submit({ bytes: feedBytes(args.feeds), signal, work }),
      );
      journal.answered(answer.trace);
      span?.answered(answer.trace);
      return answer;
    } catch (error) {
      journal.failed(error);
      const { code, message } = asSplitError(error);
      span?.failed(code, message);
      throw error;
    }
  }

  /** The first run calibrates; those that come while it does wait for it, and then go their way. */
  async function answerOf(args: RunArguments, { where, waitedMs }: Place): Promise<Answer> {
    if (released) throw new SplitError('closed', 'released while the run waited for its turn');
    if (calibration === undefined) {
      const first = isHead(parts.model) ? calibrateHead(parts, args) : calibrate(parts, args, DEVICE_ARM);
      calibration = first;
      first.catch(() => {
        calibration = undefined;
      });
      const answer = await first;
      const { arm = DEVICE_ARM.id } = args.options;
      if (answer && arm === DEVICE_ARM.id) return answer;
    }
    await calibration.catch(() => undefined);
    return where === 'local'
      ? runLocal(parts, args, DEVICE_ARM)
      : runOnce(parts, args, { journal, linkProbe, queuedMs: waitedMs() });
  }

  async function release(): Promise<void> {
    released ??= (async () => {
      linkProbe.stop();
      parts.pace.stop();
      await parts.client.close();
      await parts.executor.close();
      await parts.close();
      await parts.trail.flush();
    })();
    return released;
  }

  return { run, release, journal, lastTrace: () => lastTrace };
}

/** How a run came out of the queue. */
interface Place {
  readonly where: 'any' | 'local';
  /** Since the call: the deadline holds for the wait too. */
  waitedMs(): number;
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
