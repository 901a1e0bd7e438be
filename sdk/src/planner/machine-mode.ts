/** In which mode a machine was profiled, and what of that is otherwise now. */
import type { ProfiledMode } from './profile.ts';

/** How a machine runs at one moment; what is not known is absent. */
export interface ModeNow {
  readonly powerMode?: string | undefined;
  readonly governor?: string | undefined;
  readonly maxMegahertz?: number | undefined;
  readonly temperatureCelsius?: number | undefined;
  readonly isThrottled?: boolean | undefined;
  /** How often it was slowed down for heat so far. */
  readonly throttleCount?: number | undefined;
}

export function profiledMode(before: ModeNow, after: ModeNow): ProfiledMode {
  const { temperatureCelsius: cool } = before;
  const { temperatureCelsius: warm } = after;
  return {
    powerMode: before.powerMode ?? null,
    governor: before.governor ?? null,
    maxMegahertz: before.maxMegahertz ?? null,
    temperatureCelsius: cool === undefined || warm === undefined ? null : { before: cool, after: warm },
    wasThrottled: wasThrottled(before, after),
  };
}

function wasThrottled(before: ModeNow, after: ModeNow): boolean | null {
  const hasCounted = (after.throttleCount ?? 0) > (before.throttleCount ?? 0);
  if (before.isThrottled || after.isThrottled || hasCounted) return true;
  const isKnown = [before.isThrottled, before.throttleCount].some((value) => value !== undefined);
  return isKnown ? false : null;
}

/** Frequencies are rounded to steps, which differ a little from one boot to the next. */
const SAME_FREQUENCY = 0.02;

/** What is otherwise than when the profile was taken, in words; what one of both does not know is no difference. */
export function modeDifferences(profiled: ProfiledMode, now: ModeNow): readonly string[] {
  const said: string[] = [];
  const { powerMode, governor, maxMegahertz } = profiled;
  if (powerMode !== null && now.powerMode !== undefined && powerMode !== now.powerMode)
    said.push(`power mode ${powerMode} then, ${now.powerMode} now`);
  if (governor !== null && now.governor !== undefined && governor !== now.governor)
    said.push(`governor ${governor} then, ${now.governor} now`);
  if (maxMegahertz !== null && now.maxMegahertz !== undefined) {
    if (Math.abs(maxMegahertz - now.maxMegahertz) > SAME_FREQUENCY * maxMegahertz)
      said.push(`up to ${maxMegahertz} MHz then, ${now.maxMegahertz} MHz now`);
  }
  if (now.isThrottled && profiled.wasThrottled !== true) said.push('slowed down for heat now, and not then');
  return said;
}

/** What makes the times of a profile doubtful by themselves. */
export function modeDoubts({ governor, wasThrottled }: ProfiledMode): readonly string[] {
  return [
    ...(wasThrottled ? ['it was slowed down for heat meanwhile'] : []),
    ...(governor === 'powersave' ? ['its governor was powersave'] : []),
  ];
}

export function modeText({
  powerMode,
  governor,
  maxMegahertz,
  temperatureCelsius,
  wasThrottled,
}: ProfiledMode): string {
  return [
    powerMode === null ? '' : `power mode ${powerMode}`,
    governor === null ? '' : `governor ${governor}`,
    maxMegahertz === null ? '' : `up to ${maxMegahertz} MHz`,
    temperatureCelsius === null
      ? ''
      : `${temperatureCelsius.before.toFixed(0)} to ${temperatureCelsius.after.toFixed(0)} °C`,
    wasThrottled ? 'slowed down for heat' : '',
  ]
    .filter((text) => text !== '')
    .join(', ');
}
