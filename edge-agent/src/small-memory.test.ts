import { describe, expect, it } from 'vitest';
import { startSmall } from './small-memory.ts';

/** A process as the agent finds itself in, and what took its place. */
function processWith(env: NodeJS.ProcessEnv, execve: (...call: unknown[]) => never) {
  return {
    ...process,
    env,
    execPath: '/node',
    execArgv: ['--inspect'],
    argv: ['/node', 'main.js', 'run'],
    execve,
  };
}

describe('starting small', () => {
  it('starts the same program with smaller limits, and keeps what the environment says', () => {
    const calls: unknown[][] = [];
    const execve = (...call: unknown[]) => calls.push(call) as never;
    startSmall(processWith({ HOME: '/h', MALLOC_TRIM_THRESHOLD_: '1' }, execve));
    const env = {
      HOME: '/h',
      MALLOC_ARENA_MAX: '1',
      MALLOC_TRIM_THRESHOLD_: '1',
      MALLOC_MMAP_THRESHOLD_: '4194304',
    };
    expect(calls).toEqual([
      ['/node', ['/node', '--max-semi-space-size=4', '--inspect', 'main.js', 'run'], env],
    ]);
  });

  it('does it once, and goes on where it may not', () => {
    const fail = () => {
      throw new Error('EPERM');
    };
    expect(() => startSmall(processWith({}, fail))).not.toThrow();
    let calls = 0;
    const count = () => {
      calls += 1;
      throw new Error('it was started small already');
    };
    startSmall(processWith({ MALLOC_ARENA_MAX: '1' }, count));
    expect(calls).toBe(0);
  });
});
