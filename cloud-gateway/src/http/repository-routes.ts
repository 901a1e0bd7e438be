/** The model repository extension: what is on disk, load, unload. */
import type { FastifyInstance } from 'fastify';
import type { ModelRepository } from '../models/repository.ts';

interface ModelRoute {
  Params: { readonly name: string };
}

export function addRepository(app: FastifyInstance, repository: ModelRepository): void {
  app.post('/v2/repository/index', async () => await repository.index());
  app.post<ModelRoute>('/v2/repository/models/:name/load', async ({ params: { name } }) => {
    await repository.load(name);
    return {};
  });
  app.post<ModelRoute>('/v2/repository/models/:name/unload', async ({ params: { name } }) => {
    await repository.unload(name);
    return {};
  });
}
