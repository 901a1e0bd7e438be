/** One device of a simulation: makes requests, one at a time, as its policy says. */
import type { EventQueue } from './event-queue.ts';
import type { Policy, PolicyDecision } from './policy.ts';
import type { PlayedRequest } from './simulate.ts';
import type { PlayedArm } from './simulated-plan.ts';
import {
  type Noise,
  runHere,
  type Sending,
  type Serving,
  sendThrough,
  serve,
  shifted,
  type World,
} from './simulated-world.ts';
import { bestOf, shownLink, trueTotalMs } from './true-times.ts';

export interface SimulatedDeviceOptions {
  readonly index: number;
  /** The device is this far ahead in the trace. */
  readonly shiftMs: number;
  readonly arms: readonly PlayedArm[];
  readonly world: World;
  readonly policy: Policy;
  readonly everyMs: number;
  readonly gateway: { freeAtMs: number };
  readonly events: EventQueue;
  record(request: PlayedRequest): void;
  isOver(nowMs: number): boolean;
}

/** One request while it is under way. */
interface Request {
  readonly startMs: number;
  readonly noise: Noise;
  readonly decision: PolicyDecision;
  readonly isOnTrial: boolean;
  end(answerAtMs: number, hasGivenUp: boolean): void;
}

const QUIET: Noise = { device: 1, cloud: 1 };
const NEVER_MS = Number.POSITIVE_INFINITY;

export function createSimulatedDevice(options: SimulatedDeviceOptions): { start(): void } {
  const { index, shiftMs, arms, policy, gateway, events } = options;
  const world = shifted(options.world, shiftMs);
  const whole = arms[0] as PlayedArm;
  const byId = new Map(arms.map((one) => [one.arm.id, one]));
  let requests = 0;
  let probe: object | undefined;
  let nowMs = 0;

  function start(): void {
    const startMs = nowMs;
    if (options.isOver(startMs)) return;
    const noise = world.noise?.(index, requests++) ?? QUIET;
    const trueMs = (one: PlayedArm) =>
      trueTotalMs(world, one, { startMs, noise, gatewayFreeAtMs: gateway.freeAtMs });
    const uplinkBitsPerSecond = () => world.uplink.bitsPerSecondAt(startMs);
    const decision = policy.decide({ nowMs: startMs, trueMs, uplinkBitsPerSecond });
    const best = bestOf(arms, trueMs);
    const end = (answerAtMs: number, hasGivenUp: boolean) => {
      const totalMs = answerAtMs - startMs;
      const { arm, change } = decision;
      options.record({
        ...{ device: index, startMs, totalMs, armId: arm.id, bestId: best.id, bestMs: best.ms },
        ...{ uplinkBitsPerSecond: uplinkBitsPerSecond(), hasGivenUp, change },
        isProbing: decision.probe !== undefined,
      });
      next(startMs, answerAtMs);
    };
    play({ startMs, noise, decision, isOnTrial: false, end });
  }

  function next(startMs: number, answerAtMs: number): void {
    const { everyMs } = options;
    const atMs =
      everyMs === 0 ? answerAtMs : Math.max(startMs + everyMs, Math.ceil(answerAtMs / everyMs) * everyMs);
    at(atMs, start);
  }

  function at(atMs: number, happen: () => void): void {
    events.put(atMs, () => {
      nowMs = atMs;
      happen();
    });
  }

  function play(request: Request): void {
    const played = byId.get(request.decision.arm.id) ?? whole;
    if (played.arm.kind === 'split') send(request, played);
    else playHere(request);
  }

  /** A probe's head and encoding are part of the device's work; its answer is not waited for. */
  function playHere({ startMs, noise, decision, end }: Request): void {
    const hereMs = runHere(world, whole.cost, startMs, noise);
    const probed = decision.probe && probe === undefined ? byId.get(decision.probe.id) : undefined;
    const encodeMs = probed ? probed.cost.encodeMs * (hereMs / whole.cost.headMs) : 0;
    const answerAtMs = startMs + hereMs + encodeMs;
    if (probed) {
      const trial = { startMs, noise, decision, isOnTrial: true, end: () => undefined };
      send(trial, probed);
    }
    at(answerAtMs, () => {
      const stages = { ...NO_STAGES, headMs: hereMs };
      policy.observe?.({ arm: whole.arm, stages }, answerAtMs - startMs, answerAtMs);
      end(answerAtMs, false);
    });
  }

  function send(request: Request, played: PlayedArm): void {
    const { startMs, noise, decision, isOnTrial } = request;
    const token = {};
    const sending = sendThrough(world, played.cost, startMs, noise);
    const giveUpAtMs = sending.sendAtMs + (decision.giveUpAfterMs ?? NEVER_MS);
    // A request does not wait for a probe: what is left of that is not sent.
    probe = isOnTrial ? token : undefined;
    if (giveUpAtMs < sending.arriveAtMs) {
      at(giveUpAtMs, () => giveUp(request, played, { sending, token }));
      return;
    }
    at(sending.arriveAtMs, () => {
      if (isOnTrial && probe !== token) return;
      const serving = serve(world, played.cost, { sending, noise, gatewayFreeAtMs: gateway.freeAtMs });
      gateway.freeAtMs = serving.gatewayFreeAtMs;
      if (serving.answerAtMs > giveUpAtMs) at(giveUpAtMs, () => giveUp(request, played, { sending, token }));
      else at(serving.answerAtMs, () => answered(request, played, { sending, serving, token }));
    });
  }

  function answered(
    { startMs, isOnTrial, end }: Request,
    { arm, cost }: PlayedArm,
    {
      sending,
      serving,
      token,
    }: { readonly sending: Sending; readonly serving: Serving; readonly token: object },
  ): void {
    if (isOnTrial && probe !== token) return;
    if (isOnTrial) probe = undefined;
    const { stages, answerAtMs } = serving;
    const link = shownLink(world, cost, { stages, atMs: sending.arriveAtMs });
    policy.observe?.({ arm, stages, link }, answerAtMs - startMs, answerAtMs);
    end(answerAtMs, false);
  }

  /** The device goes on where its head ended. */
  function giveUp(
    { noise, isOnTrial, end }: Request,
    { arm, cost }: PlayedArm,
    { sending, token }: { readonly sending: Sending; readonly token: object },
  ): void {
    if (isOnTrial && probe !== token) return;
    if (isOnTrial) probe = undefined;
    policy.observeSilence?.(arm, nowMs - sending.sendAtMs, nowMs);
    const restMs =
      runHere(world, whole.cost, nowMs, noise) * Math.max(0, 1 - cost.headMs / whole.cost.headMs);
    end(nowMs + restMs, true);
  }

  return { start };
}

const NO_STAGES = { headMs: 0, encodeMs: 0, uplinkMs: 0, queueMs: 0, tailMs: 0, downlinkMs: 0, decodeMs: 0 };
