/** `/metrics`, on whatever HTTP server the gateway has. */
import type { FastifyInstance } from 'fastify';
import type { Metrics } from './metrics.ts';

export function addMetrics(app: FastifyInstance, metrics: Metrics): void {
  app.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()));
}
