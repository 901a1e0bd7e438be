#!/usr/bin/env node
/** The program `cutpoint-edge`. */
import { runAsProcess } from '@cutpoint/sdk/program';
import { runProgram } from './program.ts';

await runAsProcess(runProgram);
