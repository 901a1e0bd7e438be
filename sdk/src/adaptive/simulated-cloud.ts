/** Who serves the requests of simulated devices: one gateway that does one after the other, or a fleet's (`capacity/`). */
import type { ArmCost } from '../planner/cost-model.ts';
import type { AnnouncedLoad } from './estimate.ts';
import type { PlayedArm } from './simulated-plan.ts';
import type { Noise, World } from './simulated-world.ts';

export interface SimulatedCloud {
  /** When it has done all that came before: only the oracle may look. */
  freeAtMs(): number;
  /** Where a request goes that the device makes now; `undefined` while no gateway is there for it. */
  find(device: number, nowMs: number): FoundGateway | undefined;
  /** A request has arrived. What becomes of it is told once, at the moment when it is done or before. */
  serve(request: ArrivedRequest, tell: (end: ServedEnd) => void): void;
  /** A device heard no answer, or a refusal. */
  noteFailure(device: number, gateway: number, nowMs: number): void;
}

export interface FoundGateway {
  readonly gateway: number;
  /** What a message takes longer there and back than the device's link says: a gateway of another region. */
  readonly extraRoundTripMs: number;
  /** As it announced itself last; `undefined` where that says nothing. */
  readonly load: AnnouncedLoad | undefined;
}

export interface ArrivedRequest {
  readonly device: number;
  readonly gateway: number;
  readonly played: PlayedArm;
  readonly noise: Noise;
  readonly nowMs: number;
  /** When nobody waits for the answer any more. */
  readonly deadlineAtMs: number;
}

export type ServedEnd =
  | {
      readonly kind: 'answered';
      readonly queueMs: number;
      readonly tailMs: number;
      readonly doneAtMs: number;
    }
  /** Overloaded, or the gateway went away. */
  | { readonly kind: 'refused'; readonly doneAtMs: number };

/** One after the other, all at one gateway that is always there. */
export function singleGateway(world: World): SimulatedCloud {
  let freeAtMs = 0;
  return {
    freeAtMs: () => freeAtMs,
    find: () => ALWAYS_THERE,
    serve({ played: { cost }, noise, nowMs }, tell) {
      const taken = takes(world, cost, { arriveAtMs: nowMs, noise, gatewayFreeAtMs: freeAtMs });
      freeAtMs = taken.gatewayFreeAtMs;
      tell({ kind: 'answered', ...taken });
    },
    noteFailure: () => {},
  };
}

const ALWAYS_THERE: FoundGateway = { gateway: 0, extraRoundTripMs: 0, load: undefined };

export interface GatewayMoment {
  readonly arriveAtMs: number;
  readonly noise: Noise;
  /** When it has done all that came before. */
  readonly gatewayFreeAtMs: number;
}

/** What a request takes at a gateway that does one after the other. */
export function takes(world: World, cost: ArmCost, { arriveAtMs, noise, gatewayFreeAtMs }: GatewayMoment) {
  const ownQueueMs = Math.max(0, gatewayFreeAtMs - arriveAtMs);
  const queueMs = ownQueueMs + (world.othersMs?.(arriveAtMs) ?? 0);
  const tailMs = cost.tailMs * (world.cloudSlowdown?.(arriveAtMs) ?? 1) * noise.cloud;
  return {
    ...{ queueMs, tailMs, doneAtMs: arriveAtMs + queueMs + tailMs },
    gatewayFreeAtMs: arriveAtMs + ownQueueMs + tailMs,
  };
}
