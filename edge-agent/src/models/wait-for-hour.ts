/** Holds an update back until it may take effect: the version before is confirmed, the window is open, nobody holds the lock. */
import { stat } from 'node:fs/promises';
import { pause } from './rate-limit.ts';
import { isInside, parseWindow } from './window.ts';

export interface WaitOptions {
  readonly isReady: () => boolean;
  /** As in the configuration: `02:00-05:00`. */
  readonly window: string | undefined;
  readonly lockPath: string;
  readonly signal: AbortSignal;
  /** Called when it begins to wait, and when what it waits for changes. */
  readonly onWait: (reason: string) => void;
}

const LOOK_EVERY_MS = 250;

export async function waitForHour(options: WaitOptions): Promise<void> {
  let told: string | undefined;
  for (;;) {
    const reason = await reasonToWait(options);
    if (reason === undefined) return;
    if (reason !== told) options.onWait(reason);
    told = reason;
    await pause(LOOK_EVERY_MS, options.signal);
  }
}

async function reasonToWait({ isReady, window, lockPath }: WaitOptions): Promise<string | undefined> {
  if (!isReady()) return 'the version before is still on probation';
  const parsed = window === undefined ? undefined : parseWindow(window);
  if (parsed && !isInside(parsed, new Date())) return `outside of the window ${window}`;
  return (await exists(lockPath)) ? `held back by ${lockPath}` : undefined;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
