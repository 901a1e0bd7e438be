/** The agent as a process of its own, on a disk that its parent can spoil: `agent-child CONFIG`, and messages to it. */
import { startAgent } from '../../edge-agent/src/agent.ts';
import { loadConfig } from '../../edge-agent/src/config.ts';
import { createLog } from '../../edge-agent/src/service/log.ts';
import { type PowerCut, weakDisk } from './power-cut-disk.ts';

export type ChildMessage = { readonly cut: PowerCut } | { readonly full: number | null };

const disk = weakDisk();
process.on('message', (message: ChildMessage) => {
  if ('cut' in message) disk.cut(message.cut);
  else disk.full(message.full ?? Number.POSITIVE_INFINITY);
});
const config = await loadConfig({ path: process.argv[2] ?? 'edge.yaml', flags: {} });
const agent = await startAgent(config, { version: '0.0.0', log: createLog(config), disk });
process.send?.({ url: agent.url });
