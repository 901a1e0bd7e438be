/** The program `cutpoint` in this process, and what it said. */
import { runProgram } from '../../sdk/src/cli/program.ts';

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

export async function runCutpoint(...argv: string[]): Promise<Ended> {
  const [out, error]: [string[], string[]] = [[], []];
  const code = await runProgram({
    argv,
    writeOut: (text) => out.push(text),
    writeError: (text) => error.push(text),
    hasColours: false,
    showsProgress: false,
    now: () => new Date(),
  });
  return { code, out: out.join(''), error: error.join('') };
}
