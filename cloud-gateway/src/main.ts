#!/usr/bin/env node
/** The program `cutpoint-gateway`: its process, streams and signals. */
import { runProgram } from './program.ts';

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

process.exitCode = await runProgram({
  argv: process.argv.slice(2),
  writeOut: (text) => process.stdout.write(text),
  writeError: (text) => process.stderr.write(text),
  stopRequested: firstSignal,
});
// Whatever still holds the event loop has been stopped or given up; a supervisor waits for the exit.
process.exit();

/**
 * The first signal drains; the second ends the process at once, by SIGKILL: a plain exit would wait for native code
 * in progress and could crash in it.
 */
function firstSignal(): Promise<unknown> {
  return new Promise((resolve) => {
    let received = 0;
    const onSignal = (signal: string) => {
      received += 1;
      if (received === 1) resolve(signal);
      else process.kill(process.pid, 'SIGKILL');
    };
    for (const signal of SIGNALS) process.on(signal, onSignal);
  });
}
