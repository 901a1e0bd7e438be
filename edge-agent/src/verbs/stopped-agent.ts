/** Does with the models of a stopped agent what a running one would be asked to do. */
import type { AgentConfig } from '../config.ts';
import { nodeDisk } from '../disk/node-disk.ts';
import { readLogin } from '../login.ts';
import { type Models, openModels } from '../models/models.ts';
import { sessionOpener } from '../sessions.ts';

export async function withStoppedAgent<T>(
  config: AgentConfig,
  work: (models: Models) => Promise<T>,
): Promise<T> {
  const models = await openModels({
    config,
    disk: nodeDisk(),
    openSession: sessionOpener(config, await readLogin(config)),
    onChange: () => {},
    now: () => Date.now(),
  });
  try {
    return await work(models);
  } finally {
    await models.close();
  }
}
