/** What operators see of a gateway over HTTP: health at once, metrics and the page from its events. */
import type { Clock } from '@cutpoint/sdk';
import type { GatewayEvents } from './events.ts';
import { createHttpServer, type HttpServer } from './http/server.ts';
import { createMetrics, type QueueState } from './metrics/metrics.ts';
import { addMetrics } from './metrics/route.ts';
import { createLiveState } from './page/live-state.ts';
import { addPage } from './page/routes.ts';
import { onnxruntimeVersion, ownVersion } from './version.ts';

export interface OperationsOptions {
  readonly events: GatewayEvents;
  readonly clock: Clock;
  readonly queue: QueueState;
  readonly gatewayId: string;
  /** Of the broker, without a login. */
  readonly brokerUrl: string;
  readonly maxBodyBytes: number;
  isReady(): boolean;
}

/** Not yet listening, so that more routes can be added. `close()` ends streams and frees all. */
export function createOperations(o: OperationsOptions): HttpServer {
  const { events, clock, queue } = o;
  const version = ownVersion();
  const build = { version, node: process.versions.node, onnxruntime: onnxruntimeVersion() };
  const metrics = createMetrics({ events, queue, build });
  const state = createLiveState({ events, clock, queue });
  const server = createHttpServer(o);
  addMetrics(server.app, metrics);
  addPage(server.app, { state, facts: { gateway: o.gatewayId, version, broker: o.brokerUrl } });
  return {
    ...server,
    close: async () => {
      await server.close();
      state.close();
      metrics.close();
    },
  };
}
