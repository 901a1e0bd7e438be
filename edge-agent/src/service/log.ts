/** The agent's log: lines of JSON on stderr, and the last of them in two files of bounded size for `cutpoint-edge logs`. */
import { appendFileSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Logger, multistream, pino } from 'pino';
import type { AgentConfig } from '../config.ts';

const MAX_FILE_BYTES = 1 << 20;

export type Log = Logger;

export function logPath({ state }: Pick<AgentConfig, 'state'>): string {
  return join(state, 'log', 'agent.log');
}

export function createLog(config: Pick<AgentConfig, 'state' | 'logLevel'>): Log {
  const { logLevel: level } = config;
  const toFile = { write: fileWriter(logPath(config)) };
  const streams = [
    { level: 'trace' as const, stream: pino.destination({ dest: 2, sync: true }) },
    { level: 'trace' as const, stream: toFile },
  ];
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, multistream(streams));
}

/** The file that was full becomes `….1`, in place of the one before. */
function fileWriter(path: string): (line: string) => void {
  let bytes: number | undefined;
  return (line) => {
    try {
      bytes ??= prepare(path);
      if (bytes > MAX_FILE_BYTES) {
        renameSync(path, `${path}.1`);
        bytes = 0;
      }
      appendFileSync(path, line);
      bytes += Buffer.byteLength(line);
    } catch {
      // A full or read-only disk: the line went to stderr, and there is nowhere else to say it.
    }
  };
}

function prepare(path: string): number {
  mkdirSync(dirname(path), { recursive: true });
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
