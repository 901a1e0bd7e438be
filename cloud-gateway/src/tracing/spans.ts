/** Requests as spans below the device's: `cutpoint.gateway`, and below it a span a stage. Made when a request has ended. */

import type { Clock } from '@cutpoint/sdk';
import {
  type Attributes,
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import type { GatewayEvents, RequestFacts } from '../events.ts';

/** @returns how to stop */
export function makeSpans(o: {
  readonly events: GatewayEvents;
  readonly tracer: Tracer;
  readonly clock: Clock;
}): () => void {
  const { events, tracer, clock } = o;
  /** The gateway's clock has an origin of its own; spans are dated. */
  const dateOf = (atMs: number) => Date.now() - (clock.nowMs() - atMs);
  const start = (request: RequestFacts, startTime: number, attributes: Attributes): Span =>
    tracer.startSpan(
      'cutpoint.gateway',
      { kind: SpanKind.SERVER, startTime, attributes: { ...attributesOf(request), ...attributes } },
      parentOf(request),
    );

  const stopFinished = events.on('request-finished', (event) => {
    const { request, arrivedMs, totalMs, decodeMs, queueMs, copyMs, tailMs, encodeMs } = event;
    const startTime = dateOf(arrivedMs);
    const span = start(request, startTime, {
      'cutpoint.batch_size': event.batchSize,
      'cutpoint.executor': event.executor,
      'cutpoint.provider': event.provider,
      'cutpoint.request_bytes': event.requestBytes,
      'cutpoint.reply_bytes': event.replyBytes,
    });
    const inside = trace.setSpan(ROOT_CONTEXT, span);
    let atMs = startTime;
    const stages = { decode: decodeMs, queue: queueMs, copy: copyMs, tail: tailMs, encode: encodeMs };
    for (const [stage, tookMs] of Object.entries(stages)) {
      if (tookMs > 0) tracer.startSpan(`cutpoint.${stage}`, { startTime: atMs }, inside).end(atMs + tookMs);
      atMs += tookMs;
    }
    span.end(startTime + totalMs);
  });
  const stopRefused = events.on('request-refused', ({ request, code, elapsedMs }) => {
    const endTime = Date.now();
    const span = start(request, endTime - elapsedMs, { 'error.type': code });
    span.setStatus({ code: SpanStatusCode.ERROR, message: code });
    span.end(endTime);
  });
  return () => {
    stopFinished();
    stopRefused();
  };
}

function attributesOf({ model, version, cut, via, device, tenant }: RequestFacts): Attributes {
  return {
    ...{ 'cutpoint.model': model, 'cutpoint.cut': cut, 'cutpoint.via': via },
    ...{ 'cutpoint.device': device, 'cutpoint.tenant': tenant },
    ...(version !== undefined && { 'cutpoint.version': version }),
  };
}

function parentOf({ traceparent }: RequestFacts): Context {
  const match = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(traceparent ?? '');
  const [, traceId, spanId, flags = '00'] = match ?? [];
  if (traceId === undefined || spanId === undefined) return ROOT_CONTEXT;
  const traceFlags = Number.parseInt(flags, 16);
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
}
