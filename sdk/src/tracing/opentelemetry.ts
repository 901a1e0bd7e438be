/** Runs as OpenTelemetry spans: `cutpoint.run`, and below it a span a stage. The gateway's span hangs below the run's too. */
import { context, SpanKind, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api';
import type { RunTracer, TracedRun } from './tracer.ts';

/** In the order in which they happen; queue and tail are the gateway's, which makes its own spans of them. */
const STAGES = ['head', 'encode', 'uplink', 'queue', 'tail', 'downlink', 'decode'] as const;

/** @param tracer of any SDK of OpenTelemetry; a run's span is the child of the one that is active where `run` is called */
export function openTelemetryTracer(tracer: Tracer): RunTracer {
  return {
    start(model) {
      const startMs = Date.now();
      const span = tracer.startSpan('cutpoint.run', {
        kind: SpanKind.CLIENT,
        startTime: startMs,
        attributes: { 'cutpoint.model': model },
      });
      const inside = trace.setSpan(context.active(), span);
      const { traceId, spanId, traceFlags } = span.spanContext();
      const flags = traceFlags.toString(16).padStart(2, '0');
      return {
        traceparent: span.isRecording() ? `00-${traceId}-${spanId}-${flags}` : undefined,
        answered(run) {
          let atMs = startMs;
          for (const stage of STAGES) {
            const tookMs = run[`${stage}Ms`];
            if (tookMs <= 0) continue;
            const isOurs = stage !== 'queue' && stage !== 'tail';
            if (isOurs) tracer.startSpan(`cutpoint.${stage}`, { startTime: atMs }, inside).end(atMs + tookMs);
            atMs += tookMs;
          }
          span.setAttributes(attributesOf(run));
          span.end();
        },
        failed(code, message) {
          span.setAttribute('error.type', code);
          span.setStatus({ code: SpanStatusCode.ERROR, message });
          span.end();
        },
      };
    },
  };
}

function attributesOf({ arm, gateway, sentBytes, receivedBytes, reason }: TracedRun) {
  return {
    'cutpoint.arm': arm,
    'cutpoint.sent_bytes': sentBytes,
    'cutpoint.received_bytes': receivedBytes,
    ...(gateway !== undefined && { 'cutpoint.gateway': gateway }),
    ...(reason !== undefined && { 'cutpoint.fallback_reason': reason }),
  };
}
