/** How much of the machine other programs used: a time that was measured beside them is not one of an idle machine. */
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';

/** Ends a stretch: the share of all cores that programs other than this one and `pids` used. 0 where nobody can tell. */
export type EndStretch = () => number;

/** @param pids of processes, without their children, that belong to what is measured */
export function otherLoad(pids: readonly number[]): EndStretch {
  const before = sample(pids);
  return () => {
    const after = sample(pids);
    if (!before || !after) return 0;
    const othersMs = after.busyMs - before.busyMs - (after.ownMs - before.ownMs);
    return Math.max(0, othersMs) / (after.allMs - before.allMs);
  };
}

interface Sample {
  /** Of all cores together, since the machine's start. */
  readonly allMs: number;
  readonly busyMs: number;
  readonly ownMs: number;
}

function sample(pids: readonly number[]): Sample | undefined {
  let allMs = 0;
  let busyMs = 0;
  for (const { times } of cpus()) {
    const all = times.user + times.nice + times.sys + times.idle + times.irq;
    allMs += all;
    busyMs += all - times.idle;
  }
  const { user, system } = process.cpuUsage();
  const others = pids.map(processMs);
  if (others.some(Number.isNaN)) return undefined;
  return { allMs, busyMs, ownMs: (user + system) / 1000 + others.reduce((sum, ms) => sum + ms, 0) };
}

/** Linux counts hundredths of seconds; NaN elsewhere. */
function processMs(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) * 10;
  } catch {
    return Number.NaN;
  }
}
