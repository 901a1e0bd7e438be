/** Sends spans to a collector. OpenTelemetry's SDK and exporter are loaded only here, and only when they are asked for. */
import type { Clock } from '@cutpoint/sdk';
import type { GatewayEvents } from '../events.ts';
import { ownVersion } from '../version.ts';
import { makeSpans } from './spans.ts';

export interface TracesOptions {
  readonly events: GatewayEvents;
  readonly clock: Clock;
  /** OTLP over HTTP. */
  readonly url: string;
  /** Share of requests without a trace context that are recorded, 0 to 1. */
  readonly ratio: number;
  readonly gatewayId: string;
}

/** @returns how to stop: what was recorded is sent first, for at most a few seconds */
export async function startTraces(o: TracesOptions): Promise<() => Promise<void>> {
  const { sdk, exporter, resources } = await loadPackages();
  const { ParentBasedSampler, TraceIdRatioBasedSampler, BatchSpanProcessor, TracerProvider } = sdk;
  const spanExporter = new exporter.OTLPTraceExporter({ url: o.url, timeoutMillis: EXPORT_TIMEOUT_MS });
  const provider = new TracerProvider({
    resource: resources.resourceFromAttributes({
      'service.name': 'cutpoint-gateway',
      'service.version': ownVersion(),
      'service.instance.id': o.gatewayId,
    }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(o.ratio) }),
    spanProcessors: [new BatchSpanProcessor({ exporter: spanExporter })],
  });
  const stop = makeSpans({ ...o, tracer: provider.getTracer('cutpoint-gateway', ownVersion()) });
  return async () => {
    stop();
    // A collector that is away must not hold up the stop; what it did not take is lost.
    await provider.shutdown().catch(() => undefined);
  };
}

const EXPORT_TIMEOUT_MS = 3_000;

async function loadPackages() {
  const [sdk, exporter, resources] = await Promise.all([
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  return { sdk, exporter, resources };
}
