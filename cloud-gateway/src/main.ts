#!/usr/bin/env node
/** The program `cutpoint-gateway`. */
import { runAsProcess } from '@cutpoint/sdk/program';
import { letHeapGrow } from './heap-growth.ts';
import { runProgram } from './program.ts';

letHeapGrow();
await runAsProcess(runProgram);
