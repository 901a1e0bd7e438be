/** How the machine does: memory, load, temperature, power mode. What a system does not tell is left out. */
import { readdir, readFile } from 'node:fs/promises';
import { availableParallelism, freemem, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';

export interface MachineHealth {
  readonly rssBytes: number;
  readonly freeMemoryBytes: number;
  readonly totalMemoryBytes: number;
  readonly load1: number;
  readonly processors: number;
  /** Of the hottest sensor. */
  readonly temperatureCelsius?: number;
  /** The first processor's frequency governor: `performance`, `powersave`, ... */
  readonly governor?: string;
  /** A Jetson's power mode, as `nvpmodel` names it. */
  readonly powerMode?: string;
}

/** @param root `/`, but in tests */
export async function machineHealth(root: string = '/'): Promise<MachineHealth> {
  const [temperatureCelsius, governor, powerMode] = await Promise.all([
    hottest(join(root, 'sys/class/thermal')),
    firstLine(join(root, 'sys/devices/system/cpu/cpu0/cpufreq/scaling_governor')),
    jetsonMode(root),
  ]);
  return {
    rssBytes: process.memoryUsage.rss(),
    freeMemoryBytes: freemem(),
    totalMemoryBytes: totalmem(),
    load1: Math.round((loadavg()[0] ?? 0) * 100) / 100,
    processors: availableParallelism(),
    ...(temperatureCelsius !== undefined && { temperatureCelsius }),
    ...(governor !== undefined && { governor }),
    ...(powerMode !== undefined && { powerMode }),
  };
}

async function hottest(folder: string): Promise<number | undefined> {
  const zones = (await readdir(folder).catch(() => [])).filter((name) => name.startsWith('thermal_zone'));
  const values = await Promise.all(zones.map((zone) => firstLine(join(folder, zone, 'temp'))));
  const celsius = values
    .map((text) => Number(text) / 1000)
    .filter((value) => Number.isFinite(value) && value > 0);
  return celsius.length === 0 ? undefined : Math.max(...celsius);
}

/** `nvpmodel` writes its mode's number into one file; the names stand in another. */
async function jetsonMode(root: string): Promise<string | undefined> {
  const status = await firstLine(join(root, 'var/lib/nvpmodel/status'));
  const number = status === undefined ? undefined : /pmode:(\d+)/.exec(status)?.[1];
  if (number === undefined) return undefined;
  const names = await readFile(join(root, 'etc/nvpmodel.conf'), 'utf8').catch(() => '');
  const name = new RegExp(`POWER_MODEL\\s+ID=${Number(number)}\\s+NAME=(\\S+)`).exec(names)?.[1];
  return name ?? `mode ${Number(number)}`;
}

async function firstLine(path: string): Promise<string | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  return text?.split('\n')[0]?.trim();
}
