/** When an update may take effect: a time of day, in the device's own time. */

export interface Window {
  /** Minutes since midnight. Where `from` is later than `to`, it goes past midnight. */
  readonly from: number;
  readonly to: number;
}

/** Reads `02:00-05:00`; `undefined` for anything else. */
export function parseWindow(text: string): Window | undefined {
  const match = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/.exec(text);
  if (!match) return undefined;
  const [fromHour, fromMinute, toHour, toMinute] = match.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
  ];
  const window = { from: fromHour * 60 + fromMinute, to: toHour * 60 + toMinute };
  return window.from === window.to ? undefined : window;
}

export function isInside({ from, to }: Window, now: Date): boolean {
  const minute = now.getHours() * 60 + now.getMinutes();
  return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}
