/** A program as a process: its arguments, streams, signals and exit code. */

/** 0: done, or stopped when asked to. 1: could not start or run. 2: the command line or the configuration is wrong. 3: warnings. */
export type ExitCode = 0 | 1 | 2 | 3;

/** What a program has to do with its surroundings; a process at the rim, something smaller in a test. */
export interface Surroundings {
  readonly argv: readonly string[];
  readonly writeOut: (text: string) => void;
  readonly writeError: (text: string) => void;
  /** Resolves when the program is asked to stop. */
  readonly stopRequested: () => Promise<unknown>;
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/** Runs the program in this process and exits with its code. */
export async function runAsProcess(program: (world: Surroundings) => Promise<ExitCode>): Promise<never> {
  process.exitCode = await program({
    argv: process.argv.slice(2),
    writeOut: (text) => process.stdout.write(text),
    writeError: (text) => process.stderr.write(text),
    stopRequested: firstSignal,
  });
  // Whatever still holds the event loop has been stopped or given up; a supervisor waits for the exit.
  process.exit();
}

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
