/**
 * A device's gate: which gateways may be asked. One that cannot show by a signed descriptor that it keeps the policy is as
 * good as not there; nothing is ever sent to it.
 */
import { asSplitError, SplitError } from '../errors.ts';
import { breachesOfPlace, needsDescriptor, type PlacementReason } from '../planner/placement.ts';
import type { PlacementRules } from '../planner/placement-policy.ts';
import { type GatewayDescriptor, readDescriptor, type SignedDescriptor } from './descriptor.ts';
import { type GatewayKey, signerOf } from './verify-descriptor.ts';

/** What a gateway says of itself, of which only the descriptor is signed. */
export interface Claimant {
  readonly gateway: string;
  readonly region?: string | undefined;
  readonly seal?: object | undefined;
  readonly descriptor?: SignedDescriptor | undefined;
}

export type GateReason =
  | PlacementReason
  | 'descriptor-missing'
  | 'descriptor-unreadable'
  | 'signature'
  | 'other-gateway'
  | 'not-yet-valid'
  | 'expired'
  | 'rolled-back'
  | 'region-differs'
  | 'storage';

export interface Verdict {
  readonly gateway: string;
  readonly reasons: readonly GateReason[];
  /** Why it may not be asked; absent where it may. */
  readonly error?: SplitError | undefined;
  /** What it showed, as far as a trusted key has signed it. */
  readonly descriptor?: GatewayDescriptor | undefined;
  readonly keyId?: string | undefined;
}

/** The highest counter of each gateway that was ever seen, kept over restarts where there is a disk. */
export interface CounterStore {
  get(name: string): number;
  raise(name: string, counter: number): Promise<void>;
}

export interface GateOptions {
  readonly rules: PlacementRules;
  /** Keys that sign descriptors. */
  readonly keys: readonly GatewayKey[];
  readonly counters: CounterStore;
  /** Milliseconds since 1970. */
  wallMs(): number;
  /** Hears each verdict that differs from the one before of the same gateway. */
  onVerdict?(verdict: Verdict): void;
}

export interface PlacementGate {
  /** Looks at an announcement; from then on `refusal` knows the gateway. Never rejects. */
  examine(claimant: Claimant): Promise<void>;
  /** Why the gateway may not be asked now; `undefined` where it may. */
  refusal(gateway: string): SplitError | undefined;
  forget(gateway: string): void;
}

/** Under this name the latest time that a trusted key vouched for is kept: no clock is believed that is behind it. */
const TIME = '.time';

export function createPlacementGate(options: GateOptions): PlacementGate {
  const { rules, keys, counters } = options;
  const verdicts = new Map<string, Verdict>();
  const isSigned = needsDescriptor(rules);
  const nowMs = () => Math.max(options.wallMs(), counters.get(TIME));

  function put(verdict: Verdict): void {
    const before = verdicts.get(verdict.gateway);
    verdicts.set(verdict.gateway, verdict);
    const [was, is] = [before, verdict].map((one) => JSON.stringify([one?.reasons, one?.descriptor]));
    if (was !== is) options.onVerdict?.(verdict);
  }

  async function judge(claimant: Claimant): Promise<Verdict> {
    const { gateway, seal, region } = claimant;
    const takesSeals = seal !== undefined;
    if (!isSigned) return verdictOf(gateway, breachesOfPlace(rules, { region, takesSeals }), {});
    const shown = await showDescriptor(claimant);
    if ('error' in shown) return { gateway, ...shown };
    const { descriptor } = shown;
    return verdictOf(gateway, breachesOfPlace(rules, { ...descriptor, takesSeals }), shown);
  }

  /** The descriptor, if it is this gateway's own, signed, in its time, and not an old one. */
  async function showDescriptor({ gateway, region, descriptor: signed }: Claimant): Promise<Shown | Refused> {
    const refuse = (reason: GateReason, what: string): Refused => ({
      reasons: [reason],
      error: new SplitError('placement-denied', `gateway ${gateway}: ${what}`),
    });
    if (!signed)
      return refuse('descriptor-missing', 'it shows no descriptor, and the policy limits where it may be');
    const keyId = await signerOf(signed, keys).catch(() => undefined);
    if (keyId === undefined) return refuse('signature', 'no trusted key has signed its descriptor as it is');
    let descriptor: GatewayDescriptor;
    try {
      descriptor = readDescriptor(signed);
    } catch (error) {
      return refuse('descriptor-unreadable', asSplitError(error).message);
    }
    const { notBefore, notAfter, counter } = descriptor;
    if (descriptor.gateway !== gateway)
      return refuse('other-gateway', `its descriptor is that of ${descriptor.gateway}`);
    if (region !== undefined && region !== descriptor.region)
      return refuse('region-differs', `it says it is in ${region}, its descriptor says ${descriptor.region}`);
    const time = outOfTime(descriptor);
    if (time) return refuse(time, `its descriptor is valid from ${notBefore} to ${notAfter}`);
    const least = counters.get(gateway);
    if (counter < least)
      return refuse('rolled-back', `its descriptor has counter ${counter}, ${least} was seen`);
    try {
      await counters.raise(gateway, counter);
      await counters.raise(
        TIME,
        Math.floor(Math.min(Date.parse(notBefore), options.wallMs() + rules.clockSkewMs)),
      );
    } catch (error) {
      return refuse('storage', `its counter cannot be kept: ${asSplitError(error).message}`);
    }
    return { descriptor, keyId };
  }

  function outOfTime({ notBefore, notAfter }: GatewayDescriptor): 'expired' | 'not-yet-valid' | undefined {
    if (nowMs() > Date.parse(notAfter) + rules.clockSkewMs) return 'expired';
    // By this machine's own clock: a later one that was vouched for must not make the future valid.
    return options.wallMs() < Date.parse(notBefore) - rules.clockSkewMs ? 'not-yet-valid' : undefined;
  }

  return {
    examine: async (claimant) => put(await judge(claimant)),
    refusal(gateway) {
      const verdict = verdicts.get(gateway);
      if (!verdict) return new SplitError('placement-denied', `gateway ${gateway} has not shown where it is`);
      if (verdict.error) return verdict.error;
      const { descriptor } = verdict;
      if (!descriptor || outOfTime(descriptor) === undefined) return undefined;
      const error = new SplitError(
        'placement-denied',
        `gateway ${gateway}: its descriptor ended ${descriptor.notAfter}`,
      );
      put({ ...verdict, reasons: ['expired'], error });
      return error;
    },
    forget: (gateway) => void verdicts.delete(gateway),
  };
}

interface Shown {
  readonly descriptor: GatewayDescriptor;
  readonly keyId: string;
}

type Refused = Pick<Verdict, 'reasons'> & { readonly error: SplitError };

function verdictOf(
  gateway: string,
  breaches: ReturnType<typeof breachesOfPlace>,
  shown: Partial<Shown>,
): Verdict {
  const reasons = breaches.map(({ reason }) => reason);
  if (reasons.length === 0) return { gateway, reasons, ...shown };
  const what = breaches.map((breach) => breach.what).join('; ');
  return { gateway, reasons, ...shown, error: new SplitError('placement-denied', `${gateway}: ${what}`) };
}

/** Counters of a device without a disk: they last as long as it runs. */
export function memoryCounters(): CounterStore {
  const counters = new Map<string, number>();
  return {
    get: (name) => counters.get(name) ?? 0,
    raise: async (name, counter) => void counters.set(name, Math.max(counter, counters.get(name) ?? 0)),
  };
}
