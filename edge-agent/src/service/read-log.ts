/** The end of the agent's log. */
import { readFile } from 'node:fs/promises';
import type { AgentConfig } from '../config.ts';
import { logPath } from './log.ts';

/** The newest lines, the oldest of them first. */
export async function readLogLines(
  config: Pick<AgentConfig, 'state'>,
  count: number,
): Promise<readonly string[]> {
  const path = logPath(config);
  const texts = await Promise.all([`${path}.1`, path].map((file) => readFile(file, 'utf8').catch(() => '')));
  return texts.join('').split('\n').filter(Boolean).slice(-count);
}
