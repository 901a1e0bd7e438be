/** The gateway's executors: one process with ONNX Runtime for each graphics processor, or one for the CPU. */
import { availableParallelism } from 'node:os';
import {
  asSplitError,
  createOrtProcess,
  observeProvider,
  type ProcessChange,
  type ProcessRuntime,
  type Runtime,
  SplitError,
} from '@cutpoint/sdk/gateway';
import type { GatewayEvents } from '../events.ts';
import type { Log } from '../log.ts';
import type { LaneExecutor } from './lane.ts';

export interface ExecutorPoolOptions {
  /** In the order in which they are tried: `tensorrt`, `cuda`, `webgpu`, `cpu`. */
  readonly providers: readonly string[];
  /** The first of `providers` must be what runs, or the gateway does not start. */
  readonly requireProvider: boolean;
  /** Graphics processors, from 0. Empty: one executor without a number. */
  readonly gpus: readonly number[];
  readonly threads?: number | undefined;
  /** Longest run before an executor is taken for hung, in milliseconds. */
  readonly hangMs: number;
  /** Another build of onnxruntime-node. */
  readonly modulePath?: string | undefined;
  readonly events: GatewayEvents;
  readonly log: Log;
}

export interface PooledExecutor extends LaneExecutor {
  readonly runtime: ProcessRuntime;
}

/** @throws SplitError `provider-unavailable` where none of the providers works, or not the one that must */
export async function startExecutors(o: ExecutorPoolOptions): Promise<readonly PooledExecutor[]> {
  const executors: PooledExecutor[] = [];
  try {
    for (const device of o.gpus.length === 0 ? [undefined] : o.gpus) {
      const started = await startOne(o, device);
      // Where it fell back to the CPU, one of those is enough.
      if (executors.some(({ name }) => name === started.name)) await started.runtime.close();
      else executors.push(started);
    }
    return executors;
  } catch (error) {
    await Promise.all(executors.map(({ runtime }) => runtime.close()));
    throw error;
  }
}

/** The first provider that works, as it was seen to. */
async function startOne(o: ExecutorPoolOptions, device: number | undefined): Promise<PooledExecutor> {
  const failures: string[] = [];
  for (const provider of o.providers) {
    try {
      return await startWith(o, provider, device);
    } catch (error) {
      const { code, message } = asSplitError(error);
      failures.push(`${provider}: ${message}`);
      o.log.warn({ provider, device, code }, `execution provider is not used: ${message}`);
      if (o.requireProvider) break;
    }
  }
  throw new SplitError('provider-unavailable', `no execution provider can be used; ${failures.join('; ')}`);
}

async function startWith(
  o: ExecutorPoolOptions,
  provider: string,
  device: number | undefined,
): Promise<PooledExecutor> {
  const isGraphics = provider !== 'cpu';
  const name = device === undefined || !isGraphics ? provider : `${provider}:${device}`;
  const options = {
    ...processOptions(o, provider),
    ...(device !== undefined && isGraphics && { deviceId: device }),
  };
  const runtime = await createOrtProcess({ ...options, onChange: teller(o, name, provider) });
  try {
    const seen = await observeProvider(runtime);
    const startBeside = () => createOrtProcess(options);
    if (seen === provider) return { name, provider: seen, runtime, startBeside };
    throw new SplitError('provider-unavailable', `${provider} was asked for, and ${seen} was seen to run`);
  } catch (error) {
    await runtime.close();
    throw error;
  }
}

/** A process on the CPU for one rank: the ranks share the threads, as they all run at once. */
export function startRankProcess(o: ExecutorPoolOptions, rank: number, ranks: number): Promise<Runtime> {
  const all = o.threads ?? Math.min(MAX_DEFAULT_THREADS, availableParallelism());
  const threads = Math.max(1, Math.floor(all / ranks));
  const onChange = teller(o, `cpu:${rank}`, 'cpu');
  return createOrtProcess({ ...processOptions(o, 'cpu'), threads, onChange });
}

/** A process on the CPU of which nobody hears. */
export function startSilentProcess(o: ExecutorPoolOptions): Promise<Runtime> {
  return createOrtProcess(processOptions(o, 'cpu'));
}

const MAX_DEFAULT_THREADS = 8;

function processOptions({ threads, hangMs, modulePath }: ExecutorPoolOptions, provider: string) {
  return {
    ...{ provider, hangMs },
    ...(threads !== undefined && { threads }),
    ...(modulePath !== undefined && { modulePath }),
  };
}

function teller({ events, log }: ExecutorPoolOptions, executor: string, provider: string) {
  return ({ state, reason }: ProcessChange) => {
    events.emit('executor-changed', { executor, provider, state });
    const isTrouble = state === 'hung' || state === 'crashed';
    log[isTrouble ? 'error' : 'info']({ executor, state }, `executor: ${reason}`);
  };
}
