/**
 * Keeps the processors awake while something is timed. One that has rested for a tenth of a second, as between two requests
 * on a slow link, runs the same work up to twice as slowly and never twice alike, virtual machines most of all. What keeps it
 * awake has the lowest priority there is and gives way at once; on a machine without such a priority nothing is done.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';

const CHRT = '/usr/bin/chrt';
/** Ends with the one who began it, however that ends. */
const SPIN = 'const { ppid } = process; while (process.ppid === ppid) for (let i = 0; i < 1e6; i++);';

/** Returns what ends it. */
export function keepAwake(progress: (text: string) => void): () => void {
  if (process.platform !== 'linux' || !existsSync(CHRT)) {
    progress('the processors may fall asleep: there is no chrt');
    return () => {};
  }
  const spinners = Array.from({ length: availableParallelism() }, spin);
  return () => {
    for (const spinner of spinners) spinner.kill('SIGKILL');
  };
}

function spin(): ChildProcess {
  return spawn(CHRT, ['--idle', '0', process.execPath, '-e', SPIN], { stdio: 'ignore' });
}
