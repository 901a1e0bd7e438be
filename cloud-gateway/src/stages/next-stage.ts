/**
 * Handing a request on: the gateway is a client of the one that runs the next stage. Where that one fails another that serves the
 * range is asked, as long as the deadline lets it.
 */
import {
  asSplitError,
  type Clock,
  type ErrorCode,
  type NamedFrame,
  type Reply,
  type RequestClient,
  type RouteStage,
  SplitError,
  servesRange,
} from '@cutpoint/sdk/gateway';

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
  /** When nobody waits any more, on the gateway's clock. */
  readonly deadlineAtMs: number;
  readonly signal: AbortSignal;
}

export interface NextStage {
  /** Whether anybody is there to hand on to. */
  readonly isThere: boolean;
  /** Whether what is handed on is sealed anew. */
  readonly seals: boolean;
  /** @throws SplitError `gateway-unavailable` where nobody serves what comes next, or what the last one asked said */
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
]);

export function createNextStage(options: NextStageOptions): NextStage {
  const { client, gatewayId, clock, seals, closeConnection } = options;
  const others = () =>
    client.gateways().filter(({ gateway, state }) => gateway !== gatewayId && state === 'ready');

  /** Best first. */
  function candidates({ model, digest, route: [stage, after], to }: Onward): string[] {
    const ends = { from: stage.cut, to: after?.cut ?? to };
    return others()
      .filter(({ gateway }) => stage.gateways?.includes(gateway) ?? true)
      .filter(({ forwards }) => after === undefined || forwards === true)
      .filter(({ models }) =>
        models.some((one) => one.name === model && one.digest === digest && servesRange(one, ends)),
      )
      .map(({ gateway }) => gateway);
  }

  async function ask(onward: Onward): Promise<Reply> {
    const tried = new Set<string>();
    let failure = new SplitError(
      'gateway-unavailable',
      `nobody serves what comes behind cut ${cutOf(onward)}`,
    );
    for (;;) {
      // Asked each time: who went meanwhile is gone, and who came is there.
      const [gateway, ...rest] = candidates(onward).filter((id) => !tried.has(id));
      const leftMs = onward.deadlineAtMs - clock.nowMs();
      if (gateway === undefined || leftMs <= 0) throw failure;
      tried.add(gateway);
      try {
        // Where another could be asked, the first one may use half of the time.
        return await request(onward, gateway, rest.length > 0 ? leftMs / 2 : leftMs);
      } catch (error) {
        failure = asSplitError(error);
        if (onward.signal.aborted || !OF_THE_GATEWAY.has(failure.code)) throw failure;
      }
    }
  }

  function request(onward: Onward, gateway: string, deadlineMs: number): Promise<Reply> {
    const { route, deadlineAtMs: _, signal, ...fields } = onward;
    const [{ cut }, ...later] = route;
    const further = later.length > 0 ? { route: later } : {};
    return client.request(gateway, { ...fields, cut, ...further }, { deadlineMs, signal });
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

function cutOf({ route: [{ cut }] }: Onward): string {
  return cut;
}
