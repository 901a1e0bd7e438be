/** How the machine does: memory, load, temperature, power mode. What a system does not tell is left out. */
import { availableParallelism, freemem, loadavg, totalmem } from 'node:os';
import { type MachineMode, readMachineMode } from '@cutpoint/sdk/program';

export interface MachineHealth extends MachineMode {
  readonly rssBytes: number;
  readonly freeMemoryBytes: number;
  readonly totalMemoryBytes: number;
  readonly load1: number;
  readonly processors: number;
}

/** @param root `/`, but in tests */
export async function machineHealth(root: string = '/'): Promise<MachineHealth> {
  return {
    rssBytes: process.memoryUsage.rss(),
    freeMemoryBytes: freemem(),
    totalMemoryBytes: totalmem(),
    load1: Math.round((loadavg()[0] ?? 0) * 100) / 100,
    processors: availableParallelism(),
    ...(await readMachineMode(root)),
  };
}
