/** `cutpoint-edge logs`: the end of the agent's log, readable or as it is. */
import { setTimeout as sleep } from 'node:timers/promises';
import { SplitError } from '@cutpoint/sdk';
import { readLogLines } from '../service/read-log.ts';
import { type AddVerb, addConfigFlags, type ConfigFlags, configOf } from './verb.ts';

interface Flags extends ConfigFlags {
  readonly lines: string;
  readonly follow?: boolean;
  readonly json?: boolean;
}

const MAX_LINES = 100_000;
const FOLLOW_EVERY_MS = 500;

export const logsVerb: AddVerb = (program, _version, choose) => {
  addConfigFlags(program.command('logs'))
    .description("the end of the agent's log, which is kept across restarts")
    .option('--lines <count>', 'so many lines', '50')
    .option('--follow', 'go on until stopped')
    .option('--json', 'lines of JSON, as they were written')
    .action((flags: Flags) => {
      choose(async (world) => {
        const config = await configOf(flags);
        const show = flags.json ? (line: string) => line : logText;
        let lines = await readLogLines(config, countOf(flags.lines));
        for (const line of lines) world.writeOut(`${show(line)}\n`);
        if (!flags.follow) return undefined;
        let isStopped = false;
        void world.stopRequested().then(() => {
          isStopped = true;
        });
        while (!isStopped) {
          await sleep(FOLLOW_EVERY_MS);
          const now = await readLogLines(config, MAX_LINES);
          const last = lines.at(-1);
          const from = last === undefined ? 0 : now.lastIndexOf(last) + 1;
          for (const line of now.slice(from)) world.writeOut(`${show(line)}\n`);
          lines = now;
        }
        return undefined;
      });
    });
};

function countOf(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= MAX_LINES) return count;
  throw new SplitError('options-invalid', `lines is '${text}'; expected 1 to ${MAX_LINES}`);
}

const LEVELS: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
};

/** `2026-11-25T02:00:00.000Z info the agent answers url=http://127.0.0.1:8080` */
export function logText(line: string): string {
  try {
    const { time, level, msg, ...rest } = JSON.parse(line) as Record<string, unknown>;
    const more = Object.entries(rest).map(
      ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
    );
    return [time, LEVELS[Number(level)] ?? level, msg, ...more].join(' ');
  } catch {
    return line; // Torn by a power cut: shown as it is.
  }
}
