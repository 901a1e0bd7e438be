/** What a verb of the program is, and the world that it runs in. A new verb is a file and a line in program.ts. */
import type { Command } from 'commander';

/** 0: all is well. 1: it ran, and what it found is not, or it could not run. 2: the command line is wrong. */
export type ExitCode = 0 | 1 | 2;

export interface World {
  readonly argv: readonly string[];
  /** Results: stdout. */
  readonly writeOut: (text: string) => void;
  /** Progress and errors: stderr. */
  readonly writeError: (text: string) => void;
  /** Whether results may be coloured: a terminal, and no NO_COLOR. */
  readonly hasColours: boolean;
  /** Whether progress is wanted: stderr is a terminal. */
  readonly showsProgress: boolean;
  readonly now: () => Date;
  /** Where `/sys` and others lie. @default `/` */
  readonly root?: string;
}

export interface Verb<Flags = Readonly<Record<string, unknown>>> {
  readonly name: string;
  /** Adds description, arguments, options and an example that works. */
  describe(command: Command): void;
  /**
   * @param first the first argument: of most verbs a model
   * @param others the arguments after it
   */
  run(first: string, flags: Flags, world: World, others: readonly string[]): Promise<ExitCode>;
}
