/**
 * The agent shares small devices with the applications that it answers. How much V8 and glibc keep of what was freed is settled
 * when a process starts, so `run` starts anew, in its own place: process id, descriptors and service manager stay. What the
 * environment already says is kept.
 */

/** One arena of glibc's for all threads, of which 16 MiB may stay free at its end; 4 MiB and more are the system's again at once. */
const MALLOC = {
  MALLOC_ARENA_MAX: '1',
  MALLOC_TRIM_THRESHOLD_: '16777216',
  MALLOC_MMAP_THRESHOLD_: '4194304',
};
const NEW_SPACE_MEBIBYTES = 4;

/** From Node 22.15 on, and not on Windows; the types are of before. */
type Replaceable = NodeJS.Process & { execve?(file: string, args: string[], env: NodeJS.ProcessEnv): never };

/** Does not return where it can be done and was not yet. */
export function startSmall({ env, execPath, execArgv, argv, execve }: Replaceable): void {
  if (execve === undefined || env.MALLOC_ARENA_MAX !== undefined) return;
  const flags = [`--max-semi-space-size=${NEW_SPACE_MEBIBYTES}`, ...execArgv];
  try {
    execve.call(process, execPath, [execPath, ...flags, ...argv.slice(1)], { ...MALLOC, ...env });
  } catch {
    // Where it is not allowed, the agent takes more memory and answers all the same.
  }
}
