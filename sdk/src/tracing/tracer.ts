/**
 * Who hears of runs as spans: a port, so that a session without a tracer needs no tracing library and makes no spans.
 * opentelemetry.ts is its adapter.
 */

/** What a run was and how its time went, in milliseconds; stages that it did not have are 0. */
export interface TracedRun {
  readonly arm: string;
  readonly gateway: string | undefined;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly headMs: number;
  readonly encodeMs: number;
  readonly uplinkMs: number;
  readonly queueMs: number;
  readonly tailMs: number;
  readonly downlinkMs: number;
  readonly decodeMs: number;
  /** Why the device answered in the cloud's place. */
  readonly reason?: string;
}

export interface RunSpan {
  /** W3C trace context of this run, which travels in the request's header; `undefined` where nothing is recorded. */
  readonly traceparent: string | undefined;
  /** Ends it. */
  answered(run: TracedRun): void;
  /** Ends it. @param code of the SplitError */
  failed(code: string, message: string): void;
}

export interface RunTracer {
  start(model: string): RunSpan;
}
