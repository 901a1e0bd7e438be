/**
 * What happens in the gateway, told to whoever listens: metrics, traces, the page. Listeners are called in turn, before the
 * next thing happens, so they must be quick; one that throws is logged and harms nothing.
 */
import type { ErrorCode } from '@cutpoint/sdk';
import type { Log } from './log.ts';

/** What every event of a request says. */
export interface RequestFacts {
  /** The request's id; unique together with `device`. */
  readonly id: string;
  /** How it came: `mqtt` from a device, `http` by the Open Inference Protocol. */
  readonly via: 'mqtt' | 'http';
  /** The device's name on the broker; for `http` the tenant. Never a label of a metric. */
  readonly device: string;
  readonly tenant: string;
  readonly model: string;
  /** Of the model; absent where the request named a model that is not here. */
  readonly version?: string | undefined;
  /** The cut's id; `input` where the whole model runs here. */
  readonly cut: string;
  /** W3C trace context of the caller, where it sent one. */
  readonly traceparent?: string | undefined;
}

/** Taken: it will end as finished or refused. */
export interface RequestAdmitted {
  readonly request: RequestFacts;
  /** On the gateway's clock, in milliseconds: when its last byte had arrived. */
  readonly arrivedMs: number;
  readonly deadlineMs: number;
  /** Bytes of its frames. */
  readonly requestBytes: number;
  /** Requests in the gateway, with this one. */
  readonly inHand: number;
  /** How fast it arrived, in bits a second; where it was large enough to tell. */
  readonly uplinkBitsPerSecond?: number | undefined;
}

/** Refused or failed: at once, or after it was admitted. */
export interface RequestRefused {
  readonly request: RequestFacts;
  readonly code: ErrorCode;
  readonly wasAdmitted: boolean;
  /** From its last byte to the refusal, in milliseconds. */
  readonly elapsedMs: number;
  /** When the sender may try again, in milliseconds from now; where the refusal says so. */
  readonly retryAfterMs?: number | undefined;
}

/** Answered. Stages are milliseconds and follow each other; `totalMs` is from the last byte to the answer. */
export interface RequestFinished {
  readonly request: RequestFacts;
  readonly arrivedMs: number;
  readonly totalMs: number;
  /** Frames to tensors. */
  readonly decodeMs: number;
  /** Waiting for a batch to start. */
  readonly queueMs: number;
  /** The batch, without the copies to the executor and back. */
  readonly tailMs: number;
  /** Joining rows, and the copies to the executor and back. */
  readonly copyMs: number;
  /** Outputs to frames or JSON. */
  readonly encodeMs: number;
  /** Requests in the batch that it ran in, at whatever cut. */
  readonly batchSize: number;
  /** Distinct cuts in that batch. */
  readonly batchCuts: number;
  /** Name of the executor, such as `cuda:0`. */
  readonly executor: string;
  /** The execution provider that was seen to run it. */
  readonly provider: string;
  readonly requestBytes: number;
  readonly replyBytes: number;
}

/** What crosses went to the next stage, and its answer came back or did not. */
export interface RequestHandedOn {
  readonly request: RequestFacts;
  /** Why there was no answer; absent where there was one. */
  readonly code?: ErrorCode | undefined;
  /** From encoding what crosses to the answer, in milliseconds. */
  readonly elapsedMs: number;
}

/** One run of the runtime for one or more requests. */
export interface BatchRan {
  readonly model: string;
  readonly version: string;
  readonly executor: string;
  readonly provider: string;
  readonly size: number;
  readonly cuts: number;
  readonly runMs: number;
  /** Whether the model's requests join at different cuts, or are batched for each cut by itself. */
  readonly batching: 'mixed' | 'per-cut' | 'none';
}

export interface ModelChanged {
  readonly model: string;
  readonly version: string;
  readonly digest: string;
  /** `retiring`: the version before the last one, kept while devices move over. */
  readonly state: 'loading' | 'ready' | 'retiring' | 'unloaded' | 'failed';
  /** Of one that is ready: over so many ranks it is parted; absent where each executor has the whole model. */
  readonly ranks?: number | undefined;
  readonly code?: ErrorCode | undefined;
}

export interface ExecutorChanged {
  readonly executor: string;
  /** As it was seen to run; what was asked for until it is. */
  readonly provider: string;
  /** `stopped`: nobody needs it any more. */
  readonly state: 'starting' | 'ready' | 'hung' | 'crashed' | 'stopped';
}

export interface GatewayEventMap {
  'request-admitted': RequestAdmitted;
  'request-refused': RequestRefused;
  'request-finished': RequestFinished;
  'request-handed-on': RequestHandedOn;
  'batch-ran': BatchRan;
  'model-changed': ModelChanged;
  'executor-changed': ExecutorChanged;
}

export type GatewayEventName = keyof GatewayEventMap;

export interface GatewayEvents {
  /** @returns how to stop listening */
  on<Name extends GatewayEventName>(name: Name, listener: (event: GatewayEventMap[Name]) => void): () => void;
  emit<Name extends GatewayEventName>(name: Name, event: GatewayEventMap[Name]): void;
}

export function createGatewayEvents(log?: Log): GatewayEvents {
  const listeners = new Map<GatewayEventName, Set<(event: never) => void>>();
  return {
    on(name, listener) {
      const all = listeners.get(name) ?? new Set();
      listeners.set(name, all);
      all.add(listener);
      return () => void all.delete(listener);
    },
    emit(name, event) {
      for (const listener of listeners.get(name) ?? []) {
        try {
          listener(event as never);
        } catch (error) {
          log?.error({ event: name }, `a listener failed: ${String(error)}`);
        }
      }
    },
  };
}
