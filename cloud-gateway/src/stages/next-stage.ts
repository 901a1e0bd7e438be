/**
 * Handing a request on: the gateway is a client of the one that runs the next stage. Where that one fails another that serves the
 * range is asked, as long as the deadline lets it. Under a policy only those are asked, and named for the stages behind, that
 * its gate lets through; one that moves meanwhile ends the request that is with it.
 */
import {
  type Announcement,
  type AuditTrail,
  asSplitError,
  type Clock,
  type ErrorCode,
  type NamedFrame,
  type PlacementRules,
  type Reply,
  type RequestClient,
  type RouteStage,
  SplitError,
  servesRange,
} from '@cutpoint/sdk/gateway';
import type { NextGate, NextGates } from '../policy/next-gates.ts';

export interface Onward {
  readonly model: string;
  readonly digest: string;
  /** The stage to be asked for first, and those behind it. */
  readonly route: readonly [RouteStage, ...(readonly RouteStage[])];
  readonly to: string | undefined;
  readonly tensors: readonly NamedFrame[];
  readonly fetches: readonly string[];
  readonly replyProfile: string;
  readonly traceparent: string | undefined;
  readonly dataClass: string | undefined;
  /** Which all that are asked must keep; absent without a policy. */
  readonly rules: PlacementRules | undefined;
  /** When nobody waits any more, on the gateway's clock. */
  readonly deadlineAtMs: number;
  readonly signal: AbortSignal;
}

export interface NextStage {
  /** Whether anybody is there to hand on to. */
  readonly isThere: boolean;
  /** Whether what is handed on is sealed anew. */
  readonly seals: boolean;
  /**
   * @throws SplitError `gateway-unavailable` where nobody serves what comes next, `placement-denied` where the rules leave nobody
   * for a stage, or what the last one asked said
   */
  ask(onward: Onward): Promise<Reply>;
  /** Calls back when `isThere` may have changed, until the returned function is called. */
  onChange(listener: () => void): () => void;
  close(): Promise<void>;
}

export interface NextStageOptions {
  readonly client: RequestClient;
  readonly gatewayId: string;
  readonly clock: Clock;
  /** Whether the client has a key. */
  readonly seals: boolean;
  readonly gates: NextGates;
  /** Where it is noted that the rules left nobody for a stage. */
  readonly trail: AuditTrail;
  /** Leaves the connection, where it is not the gateway's own. */
  closeConnection(): Promise<void>;
}

/** What another gateway may do better. Those not named are the request's own fault, or the caller's wish. */
const OF_THE_GATEWAY: ReadonlySet<ErrorCode> = new Set([
  'gateway-unavailable',
  'overloaded',
  'deadline-exceeded',
  'runtime-failed',
  'model-unknown',
  'model-mismatch',
  'cut-invalid',
  'encryption-required',
  'placement-denied',
]);

/** Names of a stage in a request. */
const MOST_NAMES = 16;

export function createNextStage(options: NextStageOptions): NextStage {
  const { client, gatewayId, clock, seals, gates, trail, closeConnection } = options;
  const others = () =>
    client.gateways().filter(({ gateway, state }) => gateway !== gatewayId && state === 'ready');

  /** Best first. */
  function candidates({ model, digest, route: [stage, after], to }: Onward): readonly Announcement[] {
    const ends = { from: stage.cut, to: after?.cut ?? to };
    return others()
      .filter(({ gateway }) => stage.gateways?.includes(gateway) ?? true)
      .filter(({ forwards }) => after === undefined || forwards === true)
      .filter(({ models }) =>
        models.some((one) => one.name === model && one.digest === digest && servesRange(one, ends)),
      );
  }

  async function ask(onward: Onward): Promise<Reply> {
    const gate = onward.rules && gates.of(onward.rules);
    await gate?.examine(others());
    const isAllowed = ({ gateway }: Announcement) => gate?.refusal(gateway) === undefined;
    const tried = new Set<string>();
    let failure = whyNobody(onward, gate) ?? nobodyServes(onward);
    for (;;) {
      // Asked each time: who went meanwhile is gone, and who came is there.
      await gate?.examine(others());
      const [next, ...rest] = candidates(onward).filter((one) => isAllowed(one) && !tried.has(one.gateway));
      const leftMs = onward.deadlineAtMs - clock.nowMs();
      if (next === undefined || leftMs <= 0) throw failure;
      tried.add(next.gateway);
      try {
        // Where another could be asked, the first one may use half of the time.
        const deadlineMs = rest.length > 0 ? leftMs / 2 : leftMs;
        return await request(onward, next.gateway, { gate, deadlineMs });
      } catch (error) {
        failure = asSplitError(error);
        if (onward.signal.aborted || !OF_THE_GATEWAY.has(failure.code)) throw failure;
      }
    }
  }

  /** The rules leave nobody of those that serve it: which of them breaks what is in the log already. */
  function whyNobody(onward: Onward, gate: NextGate | undefined): SplitError | undefined {
    const refusals = candidates(onward).map(({ gateway }) => gate?.refusal(gateway));
    const [first] = refusals;
    if (first === undefined || refusals.includes(undefined)) return undefined;
    return refused(onward.route[0].cut, first.message);
  }

  function refused(cut: string, what: string): SplitError {
    trail.note('policy-decision', { decision: 'stage refused', cut, what: what.slice(0, 1024) });
    return new SplitError('placement-denied', what);
  }

  async function request(onward: Onward, gateway: string, how: Asking): Promise<Reply> {
    const { route, deadlineAtMs: _, rules: __, signal, ...fields } = onward;
    const [{ cut }, ...later] = route;
    const further = later.length > 0 ? { route: named(later, how.gate) } : {};
    const guard = guarded(gateway, how.gate);
    const asked = { deadlineMs: how.deadlineMs, signal: AbortSignal.any([signal, guard.signal]) };
    try {
      return await client.request(gateway, { ...fields, cut, ...further }, asked);
    } catch (error) {
      throw guard.refusal() ?? error;
    } finally {
      guard.stop();
    }
  }

  /** Of the stages behind, whom they may go to: under rules only those that this gateway hears itself and lets through. */
  function named(stages: readonly RouteStage[], gate: NextGate | undefined): readonly RouteStage[] {
    if (gate === undefined) return stages;
    const allowed = others().flatMap(({ gateway }) => (gate.refusal(gateway) ? [] : [gateway]));
    return stages.map((stage) => {
      const gateways = allowed.filter((name) => stage.gateways?.includes(name) ?? true).slice(0, MOST_NAMES);
      if (gateways.length > 0) return { ...stage, gateways };
      throw refused(stage.cut, `no gateway that is allowed is known behind cut ${stage.cut}`);
    });
  }

  /** Fires when the gateway that has the request shows that it may not have it any more. */
  function guarded(gateway: string, gate: NextGate | undefined) {
    const moved = new AbortController();
    let refusal: SplitError | undefined;
    const look = async (announcement: Announcement) => {
      if (announcement.gateway !== gateway || announcement.state === 'offline') return;
      await gate?.examine([announcement]);
      refusal ??= gate?.refusal(gateway);
      if (refusal) moved.abort();
    };
    const stop = gate ? client.onAnnouncement((announcement) => void look(announcement)) : () => {};
    return { signal: moved.signal, refusal: () => refusal, stop };
  }

  return {
    get isThere() {
      return others().length > 0;
    },
    seals,
    ask,
    onChange: (listener) => client.onAnnouncement(listener),
    async close() {
      await client.close();
      await closeConnection();
    },
  };
}

interface Asking {
  readonly gate: NextGate | undefined;
  readonly deadlineMs: number;
}

function nobodyServes({ route: [{ cut }] }: Onward): SplitError {
  return new SplitError('gateway-unavailable', `nobody serves what comes behind cut ${cut}`);
}
