#!/usr/bin/env node
/** The program `cutpoint`: its process and streams. */
import { runProgram } from './program.ts';

const { stdout, stderr, env } = process;

process.exitCode = await runProgram({
  argv: process.argv.slice(2),
  writeOut: (text) => stdout.write(text),
  writeError: (text) => stderr.write(text),
  hasColours: stdout.isTTY === true && (env.NO_COLOR ?? '') === '',
  showsProgress: stderr.isTTY === true,
  now: () => new Date(),
});
