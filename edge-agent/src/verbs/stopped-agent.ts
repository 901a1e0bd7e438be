/** Does with the models of a stopped agent what a running one would be asked to do. */
import type { AgentConfig } from '../config.ts';
import { nodeDisk } from '../disk/node-disk.ts';
import { readLogin } from '../login.ts';
import { type Models, openModels } from '../models/models.ts';
import { openSessions } from '../open-sessions.ts';

export async function withStoppedAgent<T>(
  config: AgentConfig,
  work: (models: Models) => Promise<T>,
): Promise<T> {
  const sessions = await openSessions(config, await readLogin(config));
  const models = await openModels({
    ...{ config, disk: nodeDisk(), ...sessions },
    onChange: () => {},
    now: () => Date.now(),
  }).catch(async (error: unknown) => {
    await sessions.close();
    throw error;
  });
  try {
    return await work(models);
  } finally {
    await models.close();
    await sessions.close();
  }
}
