/**
 * What the gateway counts, for Prometheus: base units, and labels with few values only. Devices are never a label, nor are
 * names that a device chose: a model that is not here counts under an empty name.
 */
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { GatewayEvents } from '../events.ts';
import { countHandedOn, countRequests } from './request-metrics.ts';
import { countBatches, countExecutors, countModels } from './run-metrics.ts';

export interface MetricsOptions {
  readonly events: GatewayEvents;
  /** Asked at each scrape. */
  readonly queue: QueueState;
  readonly build: Readonly<Record<'version' | 'node' | 'onnxruntime', string>>;
}

export interface QueueState {
  /** Requests that wait or run. */
  readonly length: number;
  /** Work ahead of a newcomer, in milliseconds. */
  readonly expectedWaitMs: number;
  /** See congestion-price.ts. */
  readonly congestionPrice: number;
}

export interface Metrics {
  readonly contentType: string;
  /** In the text format of Prometheus. */
  text(): Promise<string>;
  close(): void;
}

export function createMetrics({ events, queue, build }: MetricsOptions): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  addBuildInfo(registry, build);
  addQueue(registry, queue);
  const undo = [
    ...countRequests(registry, events),
    ...countHandedOn(registry, events),
    ...countBatches(registry, events),
    ...countModels(registry, events),
    ...countExecutors(registry, events),
  ];
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    close: () => {
      for (const stop of undo) stop();
      registry.clear();
    },
  };
}

function addBuildInfo(registry: Registry, build: MetricsOptions['build']): void {
  const info = new Gauge({
    name: 'cutpoint_build_info',
    help: 'Always 1; versions of the gateway and of what it runs on.',
    labelNames: ['version', 'node', 'onnxruntime'],
    registers: [registry],
  });
  info.set(build, 1);
}

function addQueue(registry: Registry, queue: QueueState): void {
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(value());
      },
    });
  gauge('cutpoint_queue_requests', 'Requests that wait or run.', () => queue.length);
  gauge(
    'cutpoint_queue_wait_seconds',
    'Work ahead of a newcomer, in seconds.',
    () => queue.expectedWaitMs / 1000,
  );
  gauge(
    'cutpoint_congestion_price',
    'Milliseconds that others wait for each millisecond of a request.',
    () => queue.congestionPrice,
  );
}
