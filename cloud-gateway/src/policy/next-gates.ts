/** Whom requests under a policy may be handed on to: the gate that devices have, one for each set of rules. */
import type { SplitError } from '@cutpoint/sdk';
import {
  type Announcement,
  type AuditTrail,
  type CounterStore,
  createNotedGate,
  type GatewayKey,
  type PlacementRules,
} from '@cutpoint/sdk/gateway';

export interface NextGates {
  of(rules: PlacementRules): NextGate;
}

export interface NextGate {
  /** Looks at those that it has not seen announced so. Never rejects. */
  examine(announcements: readonly Announcement[]): Promise<void>;
  /** Why the gateway may not be asked now; `undefined` where it may. */
  refusal(gateway: string): SplitError | undefined;
}

export interface NextGatesOptions {
  /** Keys that sign descriptors. */
  readonly keys: readonly GatewayKey[];
  readonly counters: CounterStore;
  readonly trail: AuditTrail;
}

export function createNextGates(options: NextGatesOptions): NextGates {
  // By what the rules say: devices may name as many classes of data as they like.
  const gates = new Map<string, NextGate>();
  return {
    of(rules) {
      const key = JSON.stringify({ ...rules, dataClass: undefined });
      const gate = gates.get(key) ?? createNextGate(rules, options);
      gates.set(key, gate);
      return gate;
    },
  };
}

function createNextGate(rules: PlacementRules, options: NextGatesOptions): NextGate {
  const gate = createNotedGate({ ...options, rules });
  const seen = new WeakSet<Announcement>();
  let examined: Promise<void> = Promise.resolve();
  const look = async (announcement: Announcement) => {
    if (seen.has(announcement)) return;
    seen.add(announcement);
    if (announcement.state === 'offline') gate.forget(announcement.gateway);
    else await gate.examine(announcement);
  };
  return {
    // One after the other: what came later must not be overtaken by what took longer to look at.
    examine(announcements) {
      examined = announcements.reduce((before, one) => before.then(() => look(one)), examined);
      return examined;
    },
    refusal: (gateway) => gate.refusal(gateway),
  };
}
