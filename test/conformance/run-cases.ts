/** Runs cases in two child processes. A crash, or a case without end, costs one case and the process it was in. */
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { CaseResult, Stage } from './check-case.ts';

const PROCESSES = 2;
const CASE_LIMIT_MS = 60_000;

export interface RunCasesOptions {
  readonly onResult?: (result: CaseResult) => void;
  /** The program of a child process. @default child.ts */
  readonly program?: string;
}

/** Results in the order of the names. */
export async function runCases(
  names: readonly string[],
  { onResult, program = join(import.meta.dirname, 'child.ts') }: RunCasesOptions = {},
): Promise<CaseResult[]> {
  const results = new Map<string, CaseResult>();
  const pending = [...names];
  const work = async () => {
    let child: ChildProcess | undefined;
    for (let name = pending.shift(); name !== undefined; name = pending.shift()) {
      child = child?.connected ? child : startChild(program);
      const result = await checkIn(child, name);
      results.set(name, result);
      onResult?.(result);
    }
    if (child?.connected) child.disconnect();
  };
  await Promise.all(Array.from({ length: PROCESSES }, work));
  return names.flatMap((name) => results.get(name) ?? []);
}

function startChild(program: string): ChildProcess {
  return fork(program, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
}

function checkIn(child: ChildProcess, name: string): Promise<CaseResult> {
  return new Promise((resolve) => {
    let stage: Stage = 'reference';
    const limit = setTimeout(() => child.kill('SIGKILL'), CASE_LIMIT_MS);
    const finish = (result: CaseResult) => {
      clearTimeout(limit);
      child.off('message', onMessage).off('exit', onExit);
      resolve(result);
    };
    const onMessage = (message: unknown) => {
      const { stage: entered, result } = message as { stage?: Stage; result?: CaseResult };
      stage = entered ?? stage;
      if (result) finish(result);
    };
    const onExit = (code: number | null, signal: string | null) =>
      finish(ended(name, stage, signal ?? `exit code ${code}`));
    child.on('message', onMessage).on('exit', onExit);
    child.send(name);
  });
}

/** A process that ends before we touch the model says nothing about us. */
function ended(name: string, stage: Stage, how: string): CaseResult {
  const [result, whose] =
    stage === 'reference'
      ? (['left out', 'onnxruntime-node itself ends'] as const)
      : (['failed', `the process ended at stage ${stage}`] as const);
  return { name, result, cuts: 0, wrong: 0, reason: `${whose} with ${how}` };
}
