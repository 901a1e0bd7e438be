/** A Runtime that calls ONNX Runtime on this thread: simple enough to test other things against. */
import * as ort from 'onnxruntime-node';
import { asSplitError } from '../../sdk/src/errors.ts';
import { wholeTensor } from '../../sdk/src/runtime/feeds.ts';
import type { LoadedModel, Runtime, RuntimeModel } from '../../sdk/src/runtime/runtime.ts';
import {
  TENSOR_TYPES,
  type Tensor,
  type TensorInfo,
  type TensorType,
  tensorBytes,
  tensorFromBytes,
} from '../../sdk/src/tensor.ts';

export function directRuntime(): Runtime {
  const sessions = new Map<LoadedModel, ort.InferenceSession>();
  return {
    description: 'onnxruntime-node, direct',
    load: async (model) => {
      const session = await createSession(model);
      const loaded: LoadedModel = {
        inputs: infosOf(session.inputMetadata),
        outputs: infosOf(session.outputMetadata),
        release: async () => {
          if (sessions.delete(loaded)) await session.release();
        },
      };
      sessions.set(loaded, session);
      return loaded;
    },
    run: async ({ models, feeds, fetches }) => {
      const pool = new Map(Object.entries(feeds).map(([name, feed]) => [name, wholeTensor(feed)]));
      const stepMs: number[] = [];
      for (const model of models) {
        const startMs = performance.now();
        await runOne(sessions.get(model), pool);
        stepMs.push(performance.now() - startMs);
      }
      return { values: Object.fromEntries(fetches.map((name) => [name, valueNamed(pool, name)])), stepMs };
    },
    close: async () => {
      for (const model of [...sessions.keys()]) await model.release();
    },
  };
}

async function createSession({ bytes, directory, optimization = 'all' }: RuntimeModel) {
  const folder = directory && { model_external_initializers_file_folder_path: directory };
  const session = { intra_op: { allow_spinning: '0' }, ...folder };
  try {
    const options = {
      graphOptimizationLevel: optimization,
      intraOpNumThreads: 2,
      logSeverityLevel: 3 as const,
      extra: { session },
    };
    return await ort.InferenceSession.create(bytes, options);
  } catch (error) {
    throw asSplitError(error, 'runtime-failed');
  }
}

async function runOne(session: ort.InferenceSession | undefined, pool: Map<string, Tensor>) {
  if (!session) throw new Error('model was released');
  const feeds = session.inputNames.map((name) => [name, toOrt(valueNamed(pool, name))] as const);
  const results = await session.run(Object.fromEntries(feeds));
  for (const [name, value] of Object.entries(results)) pool.set(name, fromOrt(value));
}

function valueNamed(pool: ReadonlyMap<string, Tensor>, name: string): Tensor {
  const value = pool.get(name);
  if (!value) throw new Error(`no value named ${name}`);
  return value;
}

function toOrt({ type, data, dims }: Tensor): ort.Tensor {
  return new ort.Tensor(type as 'float32', data as Float32Array, dims);
}

function fromOrt(value: ort.Tensor): Tensor {
  const { data, dims } = value as { data: Float32Array; dims: readonly number[] };
  const type = value.type as TensorType;
  return tensorFromBytes(type, dims, tensorBytes({ type, data, dims }));
}

function infosOf(metadata: readonly ort.InferenceSession.ValueMetadata[]): TensorInfo[] {
  return metadata.flatMap((value) =>
    value.isTensor && value.type in TENSOR_TYPES
      ? [{ name: value.name, type: value.type as TensorType, shape: value.shape }]
      : [],
  );
}
