/**
 * The Runtime adapter for servers: onnxruntime-node in a process of its own, under a watchdog. A crash or a hang there
 * costs the run that was being made, which fails with `gateway-unavailable`; the process is started again, its models are
 * loaded again, and runs that were waiting behind are made then.
 */
import { SplitError } from '../errors.ts';
import type { Tensors } from '../tensor.ts';
import { type Feed, type Feeds, wholeTensor } from './feeds.ts';
import { keepProcess, type ProcessChange } from './kept-process.ts';
import type { OrtNodeOptions } from './ort-node.ts';
import {
  type ChildCall,
  type LoadedReply,
  packTensors,
  type RanReply,
  unpackTensors,
} from './process-messages.ts';
import type { LoadedModel, RunRequest, RunResult, Runtime, RuntimeModel } from './runtime.ts';

export type { ProcessChange } from './kept-process.ts';

export interface OrtProcessOptions extends OrtNodeOptions {
  /** Longest run, in milliseconds: beyond it the process is taken for hung and killed. @default 30000 */
  readonly hangMs?: number;
  /** Longest start and longest load of a model, in milliseconds. TensorRT takes minutes. @default 600000 */
  readonly loadMs?: number;
  /** Told when the process is started again and why. */
  readonly onChange?: (change: ProcessChange) => void;
}

export interface ProcessRuntime extends Runtime {
  /** Of the process that runs now; for tests and people. */
  readonly pid: number | undefined;
}

const DEFAULT_HANG_MS = 30_000;
const DEFAULT_LOAD_MS = 600_000;

/** A model that the process holds, and what it takes to load it again. */
interface Held {
  readonly id: number;
  readonly model: RuntimeModel;
}

/** @throws SplitError `options-invalid`, `provider-unavailable` when the first start fails */
export async function createOrtProcess(options: OrtProcessOptions = {}): Promise<ProcessRuntime> {
  const { hangMs = DEFAULT_HANG_MS, loadMs = DEFAULT_LOAD_MS, onChange = () => {}, ...ort } = options;
  const held = new Map<LoadedModel, Held>();
  let nextModel = 1;

  function* whatItHeld() {
    for (const { id, model } of held.values()) yield { call: loadCall(id, model), buffers: [[model.bytes]] };
  }

  const kept = await keepProcess({ ort, hangMs, loadMs, onChange, whatItHeld });

  async function load(model: RuntimeModel): Promise<LoadedModel> {
    const id = nextModel++;
    const { value } = await kept.ask(loadCall(id, model), [[model.bytes]]);
    const { inputs, outputs } = value as LoadedReply;
    const loaded: LoadedModel = { inputs, outputs, release: () => release(loaded) };
    held.set(loaded, { id, model });
    return loaded;
  }

  async function release(loaded: LoadedModel): Promise<void> {
    const own = held.get(loaded);
    held.delete(loaded);
    if (own === undefined || kept.isClosing) return;
    // With the process its models are gone too.
    await kept.ask({ kind: 'release', model: own.id }).catch(() => undefined);
  }

  async function run({ models, feeds, fetches, signal }: RunRequest): Promise<RunResult> {
    if (kept.isClosing) throw new SplitError('closed', 'the runtime was closed');
    if (signal?.aborted)
      throw new SplitError('aborted', 'the signal fired before the run', { cause: signal.reason });
    const ids = models.map((loaded) => {
      const own = held.get(loaded);
      if (own) return own.id;
      throw new SplitError('closed', 'a model was released, or belongs to another runtime');
    });
    const { made, fed } = partFetches(models, feeds, fetches);
    const own = fed.map((name) => [name, wholeTensor(feeds[name] as Feed)] as const);
    if (models.length === 0) return { values: Object.fromEntries(own), stepMs: [] };
    const { heads, buffers } = packTensors(feeds);
    const call = { kind: 'run', models: ids, feeds: heads, fetches: made } as const;
    const answer = await kept.ask(call, buffers, signal);
    const { values, stepMs } = answer.value as RanReply;
    return { values: { ...Object.fromEntries(own), ...unpackTensors(values, answer.buffers) }, stepMs };
  }

  async function profile({ bytes, directory }: RuntimeModel, feeds: Tensors) {
    const { heads, buffers } = packTensors(feeds);
    const { value } = await kept.ask({ kind: 'profile', directory, feeds: heads }, [[bytes], ...buffers]);
    return value as Readonly<Record<string, number>>;
  }

  return {
    get description() {
      return kept.about.description;
    },
    get provider() {
      return kept.about.provider;
    },
    get hasFailed() {
      return kept.hasFailed;
    },
    get pid() {
      return kept.pid;
    },
    load,
    run,
    profile,
    close: kept.close,
  };
}

function loadCall(id: number, { directory, optimization = 'all' }: RuntimeModel): ChildCall {
  return { kind: 'load', model: id, directory, optimization };
}

/** Fetches that are made there, and those that are the caller's own feeds. */
function partFetches(
  models: readonly LoadedModel[],
  feeds: Feeds,
  fetches: readonly string[],
): { readonly made: string[]; readonly fed: string[] } {
  const outputs = new Set(models.flatMap((model) => model.outputs.map(({ name }) => name)));
  const made = fetches.filter((name) => outputs.has(name));
  const fed = fetches.filter((name) => !outputs.has(name));
  const missing = fed.find((name) => !Object.hasOwn(feeds, name));
  if (missing === undefined) return { made, fed };
  throw new SplitError('runtime-failed', `fetch "${missing}" is neither fed nor made by an earlier model`);
}
