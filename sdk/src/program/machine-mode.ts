/**
 * How fast a Linux machine lets itself run: power mode, frequency governor, highest frequency, heat, and whether it was
 * slowed down for heat. What a system does not tell is left out.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface MachineMode {
  /** A Jetson's power mode, as `nvpmodel` names it. */
  readonly powerMode?: string | undefined;
  /** The first processor's frequency governor: `performance`, `powersave`, ... */
  readonly governor?: string | undefined;
  /** The highest frequency that the first processor may take now. */
  readonly maxMegahertz?: number | undefined;
  /** Of the hottest sensor. */
  readonly temperatureCelsius?: number | undefined;
  /** Whether a processor is being slowed down for heat now. */
  readonly isThrottled?: boolean | undefined;
  /** How often a processor was slowed down for heat since the system started. */
  readonly throttleCount?: number | undefined;
}

/** @param root `/`, but in tests */
export async function readMachineMode(root: string = '/'): Promise<MachineMode> {
  const cpu = join(root, 'sys/devices/system/cpu');
  const [powerMode, governor, kilohertz, temperatureCelsius, isThrottled, throttleCount] = await Promise.all([
    jetsonMode(root),
    firstLine(join(cpu, 'cpu0/cpufreq/scaling_governor')),
    numberIn(join(cpu, 'cpu0/cpufreq/scaling_max_freq')),
    hottest(join(root, 'sys/class/thermal')),
    isBeingCooled(root),
    countThrottles(cpu),
  ]);
  return {
    ...(powerMode !== undefined && { powerMode }),
    ...(governor !== undefined && { governor }),
    ...(kilohertz !== undefined && { maxMegahertz: Math.round(kilohertz / 1000) }),
    ...(temperatureCelsius !== undefined && { temperatureCelsius }),
    ...(isThrottled !== undefined && { isThrottled }),
    ...(throttleCount !== undefined && { throttleCount }),
  };
}

async function hottest(folder: string): Promise<number | undefined> {
  const values = await Promise.all(
    (await foldersOf(folder, /^thermal_zone\d+$/)).map((zone) => numberIn(join(zone, 'temp'))),
  );
  const celsius = values.flatMap((value) => (value !== undefined && value > 0 ? [value / 1000] : []));
  return celsius.length === 0 ? undefined : Math.max(...celsius);
}

/** Cooling devices that slow a processor; fans only blow. */
const SLOWING = /processor|cpu|gpu|devfreq/i;

async function isBeingCooled(root: string): Promise<boolean | undefined> {
  const flags = await firstLine(join(root, 'sys/devices/platform/soc/soc:firmware/get_throttled'));
  // Of a Raspberry Pi: bit 1 the frequency is capped, 2 it is throttled, 3 the soft limit of heat holds.
  if (flags !== undefined) return (Number.parseInt(flags, 16) & 0b1110) !== 0;
  const devices = await foldersOf(join(root, 'sys/class/thermal'), /^cooling_device\d+$/);
  const states = await Promise.all(
    devices.map(async (device) => {
      const type = await firstLine(join(device, 'type'));
      return type !== undefined && SLOWING.test(type) ? numberIn(join(device, 'cur_state')) : undefined;
    }),
  );
  const known = states.filter((state) => state !== undefined);
  return known.length === 0 ? undefined : known.some((state) => state > 0);
}

/** Cores of one package count its heat each, so the largest counts. */
async function countThrottles(cpu: string): Promise<number | undefined> {
  const counts = await Promise.all(
    (await foldersOf(cpu, /^cpu\d+$/)).flatMap((core) =>
      ['core_throttle_count', 'package_throttle_count'].map((name) =>
        numberIn(join(core, 'thermal_throttle', name)),
      ),
    ),
  );
  const known = counts.filter((count) => count !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
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

async function foldersOf(folder: string, pattern: RegExp): Promise<readonly string[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => pattern.test(name));
  return names.map((name) => join(folder, name));
}

async function numberIn(path: string): Promise<number | undefined> {
  const text = await firstLine(path);
  const value = text === undefined || text === '' ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : undefined;
}

async function firstLine(path: string): Promise<string | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  return text?.split('\n')[0]?.trim();
}
