#!/usr/bin/env node
/** The program `cutpoint-edge`. Node keeps what it compiles of it, so that only the first start pays for that. */
import * as nodeModule from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { startSmall } from './small-memory.ts';

if (process.argv[2] === 'run') startSmall(process);
const { XDG_CACHE_HOME = join(homedir(), '.cache') } = process.env;
// Not Node's own choice below /tmp, where others could lay code for us to run. NODE_COMPILE_CACHE wins.
// By its namespace: a Node that is too old does not have it, and has yet to say that it is too old.
nodeModule.enableCompileCache?.(join(XDG_CACHE_HOME, 'cutpoint-edge'));
// Only what is imported from here on is kept.
const [{ runAsProcess }, { runProgram }] = await Promise.all([
  import('@cutpoint/sdk/program'),
  import('./program.ts'),
]);
await runAsProcess(runProgram);
