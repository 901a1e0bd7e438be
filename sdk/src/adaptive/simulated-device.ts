/** One device of a simulation: makes requests, one at a time, as its policy says. */
import type { EventQueue } from './event-queue.ts';
import type { Policy, PolicyDecision } from './policy.ts';
import type { PlayedRequest } from './simulate.ts';
import type { PlayedArm } from './simulated-plan.ts';
import {
  type Noise,
  runHere,
  type Sending,
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

type AnsweredBy = PlayedRequest['answeredBy'];

/** One request while it is under way. */
interface Request {
  readonly startMs: number;
  readonly noise: Noise;
  readonly decision: PolicyDecision;
  /** The first call counts: device and cloud may both be at work. */
  end(answerAtMs: number, by: AnsweredBy): void;
  readonly hasEnded: boolean;
}

/** One message to the gateway while its answer is waited for. */
interface Trip {
  isOver: boolean;
  readonly played: PlayedArm;
  readonly sending: Sending;
}

const QUIET: Noise = { device: 1, cloud: 1 };
const NEVER_MS = Number.POSITIVE_INFINITY;

export function createSimulatedDevice(options: SimulatedDeviceOptions): { start(): void } {
  const { index, shiftMs, arms, policy, gateway, events } = options;
  const world = shifted(options.world, shiftMs);
  const whole = arms[0] as PlayedArm;
  const byId = new Map(arms.map((one) => [one.arm.id, one]));
  let requests = 0;
  let probe: Trip | undefined;
  let nowMs = 0;
  // A model that runs cannot be stopped: when its request has been answered, the next head waits for its end.
  let freeAtMs = 0;

  function start(): void {
    const startMs = nowMs;
    if (options.isOver(startMs)) return;
    const noise = world.noise?.(index, requests++) ?? QUIET;
    const trueMs = (one: PlayedArm) =>
      trueTotalMs(world, one, { startMs, noise, gatewayFreeAtMs: gateway.freeAtMs });
    const uplinkBitsPerSecond = world.uplink.bitsPerSecondAt(startMs);
    const decision = policy.decide({
      nowMs: startMs,
      trueMs,
      uplinkBitsPerSecond: () => uplinkBitsPerSecond,
    });
    const best = bestOf(arms, trueMs);
    const seen = { device: index, startMs, armId: decision.arm.id, bestId: best.id, bestMs: best.ms };
    const request = {
      ...{ startMs, noise, decision, hasEnded: false },
      end(answerAtMs: number, answeredBy: AnsweredBy) {
        if (request.hasEnded) return;
        request.hasEnded = true;
        const isProbing = decision.probe !== undefined;
        const { change } = decision;
        options.record({
          ...{ ...seen, totalMs: answerAtMs - startMs, uplinkBitsPerSecond, answeredBy, isProbing, change },
        });
        next(startMs, answerAtMs);
      },
    };
    const played = byId.get(decision.arm.id) ?? whole;
    if (played.arm.kind === 'split') ask(request, played);
    else playHere(request);
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

  /** A probe's head and encoding are part of the device's work; its answer counts where it is the first. */
  function playHere(request: Request): void {
    const { noise, decision } = request;
    const beginMs = Math.max(nowMs, freeAtMs);
    const hereMs = runHere(world, whole.cost, beginMs, noise);
    const probed = decision.probe && probe === undefined ? byId.get(decision.probe.id) : undefined;
    const encodeMs = probed ? probed.cost.encodeMs * (hereMs / whole.cost.headMs) : 0;
    freeAtMs = beginMs + hereMs + encodeMs;
    if (probed) tryOut(request, probed, beginMs);
    at(freeAtMs, () => {
      const stages = { ...NO_STAGES, headMs: hereMs };
      policy.observe?.({ arm: whole.arm, stages }, nowMs - request.startMs, nowMs);
      request.end(nowMs, 'device');
    });
  }

  function tryOut(request: Request, played: PlayedArm, beginMs: number): void {
    const sending = sendThrough(world, played.cost, beginMs, request.noise);
    const trip: Trip = { played, sending, isOver: false };
    probe = trip;
    send(request, trip, 'probe');
    at(sending.sendAtMs + (request.decision.giveUpAfterMs ?? NEVER_MS), () => {
      if (trip.isOver) return;
      silence(trip);
      trip.isOver = true;
      probe = undefined;
    });
  }

  function ask(request: Request, played: PlayedArm): void {
    // A request does not wait for a probe: what is left of that is not sent.
    if (probe) probe.isOver = true;
    probe = undefined;
    const beginMs = played.cost.headMs > 0 ? Math.max(nowMs, freeAtMs) : nowMs;
    const sending = sendThrough(world, played.cost, beginMs, request.noise);
    if (played.cost.headMs > 0) freeAtMs = beginMs + sending.headMs;
    const trip: Trip = { played, sending, isOver: false };
    send(request, trip, 'chosen');
    const { giveUpAfterMs = NEVER_MS } = request.decision;
    at(sending.sendAtMs + giveUpAfterMs, () => goOn(request, trip));
  }

  function send(request: Request, trip: Trip, by: AnsweredBy): void {
    const { cost } = trip.played;
    const { sending } = trip;
    at(sending.arriveAtMs, () => {
      if (trip.isOver) return;
      const { noise } = request;
      const serving = serve(world, cost, { sending, noise, gatewayFreeAtMs: gateway.freeAtMs });
      gateway.freeAtMs = serving.gatewayFreeAtMs;
      at(serving.answerAtMs, () => {
        if (trip.isOver) return;
        trip.isOver = true;
        if (probe === trip) probe = undefined;
        const { stages } = serving;
        const link = shownLink(world, cost, { stages, atMs: sending.arriveAtMs });
        policy.observe?.({ arm: trip.played.arm, stages, link }, nowMs - request.startMs, nowMs);
        request.end(nowMs, by);
      });
    });
  }

  /** The device goes on where its head ended; an answer that comes before it has finished still counts. */
  function goOn(request: Request, trip: Trip): void {
    if (trip.isOver) return;
    silence(trip);
    const { headMs } = trip.played.cost;
    const beginMs = Math.max(nowMs, freeAtMs);
    freeAtMs =
      beginMs +
      runHere(world, whole.cost, beginMs, request.noise) * Math.max(0, 1 - headMs / whole.cost.headMs);
    at(freeAtMs, () => {
      trip.isOver = true;
      request.end(nowMs, 'device');
    });
  }

  function silence({ played: { arm }, sending }: Trip): void {
    policy.observeSilence?.(arm, nowMs - sending.sendAtMs, nowMs);
  }

  return { start };
}

const NO_STAGES = { headMs: 0, encodeMs: 0, uplinkMs: 0, queueMs: 0, tailMs: 0, downlinkMs: 0, decodeMs: 0 };
