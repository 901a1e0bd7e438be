/** One device of a simulation: makes requests, one at a time, as its policy says. */
import type { EventQueue } from './event-queue.ts';
import type { Policy, PolicyDecision } from './policy.ts';
import type { PlayedRequest } from './simulate.ts';
import type { FoundGateway, ServedEnd, SimulatedCloud } from './simulated-cloud.ts';
import type { PlayedArm } from './simulated-plan.ts';
import { answerOf, type Noise, runHere, type Sending, sendThrough, type World } from './simulated-world.ts';
import { bestOf, shownLink, trueTotalMs } from './true-times.ts';

export interface SimulatedDeviceOptions {
  readonly index: number;
  readonly arms: readonly PlayedArm[];
  /** As this device sees it. */
  readonly world: World;
  readonly policy: Policy;
  readonly turns: Turns;
  readonly cloud: SimulatedCloud;
  readonly events: EventQueue;
  /** Whether the best arm is looked for at every request. @default true */
  readonly isJudged?: boolean | undefined;
  /** The device does not go on by itself sooner than this after the first byte. @default 0 */
  readonly leastPatienceMs?: number | undefined;
  /** From a request's start: the device goes on in time to end by then, where it can within half of it. @default none */
  readonly deadlineMs?: number | undefined;
  record(request: PlayedRequest): void;
  isOver(nowMs: number): boolean;
}

/** When the next request begins, after one that began and was answered then. */
export type Turns = (startMs: number, answerAtMs: number) => number;

type AnsweredBy = PlayedRequest['answeredBy'];

/** One request while it is under way. */
interface Request {
  readonly startMs: number;
  readonly noise: Noise;
  readonly decision: PolicyDecision;
  readonly found: FoundGateway | undefined;
  /** The link to the gateway that was found. */
  readonly world: World;
  /** The first call counts: device and cloud may both be at work. */
  end(answerAtMs: number, by: AnsweredBy): void;
  readonly hasEnded: boolean;
}

/** One message to the gateway while its answer is waited for. */
interface Trip {
  isOver: boolean;
  /** The device goes on beside it. */
  hasGoneOn: boolean;
  readonly played: PlayedArm;
  readonly sending: Sending;
}

const QUIET: Noise = { device: 1, cloud: 1 };
const NEVER_MS = Number.POSITIVE_INFINITY;
// As run-once.ts: the device's rest of the model is given a little more than it took when it was measured.
const LOCAL_MARGIN = 1.2;
const UNJUDGED = { id: '', ms: Number.NaN };

export function createSimulatedDevice(options: SimulatedDeviceOptions): { startAt(atMs: number): void } {
  const { index, arms, policy, cloud, events, isJudged = true, deadlineMs = NEVER_MS } = options;
  const { leastPatienceMs = 0 } = options;
  const whole = arms[0] as PlayedArm;
  const byId = new Map(arms.map((one) => [one.arm.id, one]));
  let requests = 0;
  let probe: Trip | undefined;
  let nowMs = 0;
  // A model that runs cannot be stopped: when its request has been answered, the next head waits for its end.
  let freeAtMs = 0;
  let heard: FoundGateway['load'];

  function start(): void {
    const startMs = nowMs;
    if (options.isOver(startMs)) return;
    const noise = options.world.noise?.(index, requests++) ?? QUIET;
    const found = cloud.find(index, startMs);
    const world = worldTo(options.world, found);
    if (found?.load && found.load !== heard) {
      heard = found.load;
      policy.meet?.({ load: found.load, roundTripMs: world.roundTripMs });
    }
    const trueMs = (one: PlayedArm) =>
      trueTotalMs(world, one, { startMs, noise, gatewayFreeAtMs: cloud.freeAtMs() });
    const uplinkBitsPerSecond = world.uplink.bitsPerSecondAt(startMs);
    const decision = found
      ? policy.decide({ nowMs: startMs, trueMs, uplinkBitsPerSecond: () => uplinkBitsPerSecond })
      : { arm: whole.arm };
    const best = isJudged ? bestOf(arms, trueMs) : UNJUDGED;
    const seen = { device: index, startMs, armId: decision.arm.id, bestId: best.id, bestMs: best.ms };
    const request = {
      ...{ startMs, noise, decision, found, world, hasEnded: false },
      end(answerAtMs: number, answeredBy: AnsweredBy) {
        if (request.hasEnded) return;
        request.hasEnded = true;
        const isProbing = decision.probe !== undefined;
        const { change } = decision;
        options.record({
          ...{ ...seen, totalMs: answerAtMs - startMs, uplinkBitsPerSecond, answeredBy, isProbing, change },
        });
        at(options.turns(startMs, answerAtMs), start);
      },
    };
    const played = byId.get(decision.arm.id) ?? whole;
    if (played.arm.kind === 'split') ask(request, played);
    else playHere(request);
  }

  function at(atMs: number, happen: () => void): void {
    events.put(atMs, () => {
      nowMs = atMs;
      happen();
    });
  }

  /** A probe's head and encoding are part of the device's work; its answer counts where it is the first. */
  function playHere(request: Request): void {
    const { noise, decision, world } = request;
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
    const sending = sendThrough(request.world, played.cost, beginMs, request.noise);
    const trip: Trip = { played, sending, isOver: false, hasGoneOn: true };
    probe = trip;
    send(request, trip, 'probe');
    at(sending.sendAtMs + patienceMs(request), () => {
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
    const sending = sendThrough(request.world, played.cost, beginMs, request.noise);
    if (played.cost.headMs > 0) freeAtMs = beginMs + sending.headMs;
    const trip: Trip = { played, sending, isOver: false, hasGoneOn: false };
    send(request, trip, 'chosen');
    const lateAtMs = Math.min(sending.sendAtMs + patienceMs(request), lastMomentMs(request, played));
    at(Math.max(sending.sendAtMs, lateAtMs), () => {
      if (trip.isOver || trip.hasGoneOn) return;
      silence(trip);
      goOn(request, trip);
    });
  }

  function patienceMs({ decision: { giveUpAfterMs = NEVER_MS } }: Request): number {
    return Math.max(leastPatienceMs, giveUpAfterMs);
  }

  /** When the device must begin, to end by the deadline. */
  function lastMomentMs({ startMs }: Request, { cost }: PlayedArm): number {
    const restMs = (whole.cost.headMs - cost.headMs) * LOCAL_MARGIN;
    return startMs + deadlineMs - (restMs < deadlineMs / 2 ? restMs : 0);
  }

  function send(request: Request, trip: Trip, by: AnsweredBy): void {
    const { found, noise, startMs } = request;
    const { played, sending } = trip;
    if (found === undefined) return;
    at(sending.arriveAtMs, () => {
      if (trip.isOver) return;
      const asked = { device: index, gateway: found.gateway, played, noise };
      cloud.serve({ ...asked, nowMs, deadlineAtMs: startMs + deadlineMs }, (end) =>
        end.kind === 'answered' ? take(request, trip, { end, by }) : takeRefusal(request, trip, end.doneAtMs),
      );
    });
  }

  function take(
    request: Request,
    trip: Trip,
    { end, by }: { readonly end: ServedEnd & { readonly kind: 'answered' }; readonly by: AnsweredBy },
  ): void {
    const { world, noise } = request;
    const { played, sending } = trip;
    const { stages, answerAtMs } = answerOf(world, played.cost, { sending, noise, served: end });
    at(answerAtMs, () => {
      if (trip.isOver) return;
      trip.isOver = true;
      if (probe === trip) probe = undefined;
      const link = shownLink(world, played.cost, { stages, atMs: sending.arriveAtMs });
      policy.observe?.({ arm: played.arm, stages, link }, nowMs - request.startMs, nowMs);
      request.end(nowMs, by);
    });
  }

  /** It says nothing of the link; the device goes on at once. */
  function takeRefusal(request: Request, trip: Trip, doneAtMs: number): void {
    at(doneAtMs + request.world.roundTripMs / 2, () => {
      if (trip.isOver) return;
      if (request.found) cloud.noteFailure(index, request.found.gateway, nowMs);
      if (probe === trip) probe = undefined;
      if (trip.hasGoneOn) trip.isOver = true;
      else goOn(request, trip);
    });
  }

  /** The device goes on where its head ended; an answer that comes before it has finished still counts. */
  function goOn(request: Request, trip: Trip): void {
    trip.hasGoneOn = true;
    const { headMs } = trip.played.cost;
    const beginMs = Math.max(nowMs, freeAtMs);
    freeAtMs =
      beginMs +
      runHere(request.world, whole.cost, beginMs, request.noise) *
        Math.max(0, 1 - headMs / whole.cost.headMs);
    at(freeAtMs, () => {
      trip.isOver = true;
      request.end(nowMs, 'device');
    });
  }

  function silence({ played: { arm }, sending }: Trip): void {
    policy.observeSilence?.(arm, nowMs - sending.sendAtMs, nowMs);
  }

  return { startAt: (atMs) => at(atMs, start) };
}

const NO_STAGES = { headMs: 0, encodeMs: 0, uplinkMs: 0, queueMs: 0, tailMs: 0, downlinkMs: 0, decodeMs: 0 };

function worldTo(world: World, found: FoundGateway | undefined): World {
  const extraMs = found?.extraRoundTripMs ?? 0;
  return extraMs === 0 ? world : { ...world, roundTripMs: world.roundTripMs + extraMs };
}
