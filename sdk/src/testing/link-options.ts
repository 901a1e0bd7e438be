/** What one direction of an emulated link is like. */
import { SplitError } from '../errors.ts';

export interface LinkOptions {
  /**
   * Payload bits per second, shared by all connections. From 1 kbit/s to 10 Gbit/s.
   * Headers of TCP and IP are not counted. @default 1e9
   */
  readonly bitsPerSecond?: number;
  /** One-way delay on top of the time that sending takes, in milliseconds. @default 0 */
  readonly delayMs?: number;
  /** The delay varies uniformly by up to this much either way, in milliseconds; order is kept. @default 0 */
  readonly jitterMs?: number;
  /** Most that waits in the router before senders are held back, in milliseconds of link time. @default 50 */
  readonly queueMs?: number;
  /** Nothing passes; connections stay, and what was under way goes on afterwards. @default false */
  readonly blackout?: boolean;
}

export type ResolvedLinkOptions = Required<LinkOptions>;

const DEFAULTS: ResolvedLinkOptions = {
  bitsPerSecond: 1e9,
  delayMs: 0,
  jitterMs: 0,
  queueMs: 50,
  blackout: false,
};

const RANGES = {
  bitsPerSecond: [1e3, 1e10],
  delayMs: [0, 60_000],
  jitterMs: [0, 60_000],
  queueMs: [1, 60_000],
} as const;

/** All fields, checked; those not given are as in `base`. @throws SplitError `options-invalid` */
export function resolveLinkOptions(
  options: LinkOptions,
  base: ResolvedLinkOptions = DEFAULTS,
): ResolvedLinkOptions {
  const resolved = { ...base, ...options };
  for (const [name, [least, most]] of Object.entries(RANGES)) {
    const value = resolved[name as keyof typeof RANGES];
    if (!(value >= least && value <= most)) {
      throw new SplitError('options-invalid', `link ${name} of ${value} is not within ${least} to ${most}`);
    }
  }
  return resolved;
}
