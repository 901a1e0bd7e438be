/** `@cutpoint/sdk/opentelemetry`: a session's runs as spans, for `createSplitSession(…, { tracer })`. */
export { openTelemetryTracer } from './tracing/opentelemetry.ts';
export type { RunSpan, RunTracer, TracedRun } from './tracing/tracer.ts';
