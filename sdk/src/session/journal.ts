/** What a session did: counters since it was made, and an event whenever the arm in use changes. */
import type { Prediction } from '../adaptive/controller.ts';
import { type ArmChange, type ChangeCause, changeText } from '../adaptive/decision.ts';
import { asSplitError } from '../errors.ts';
import type { Arm } from '../planner/arm.ts';
import { createEmitter, type Emitter } from './emitter.ts';
import type { Trace } from './trace.ts';

/**
 * What moved, as the controller says; `faster` for the first choice, which nothing preceded; or a gateway that serves the
 * model went or came.
 */
export type CutChangeCause = ChangeCause | 'faster' | 'gateway-lost' | 'gateway-found';

export interface CutChange {
  /** Ids of arms, as in `session.arms`. */
  readonly from: string;
  readonly to: string;
  readonly cause: CutChangeCause;
  /** One sentence with the numbers. */
  readonly reason: string;
  /** What each was predicted to take at that moment, in milliseconds; `undefined` where nothing is known of it. */
  readonly fromMs: number | undefined;
  readonly toMs: number | undefined;
}

export interface SessionEvents {
  readonly 'cut-change': CutChange;
}

export interface SessionStats {
  /** Ended, one way or another: the three below and `failures` add up to it. */
  readonly runs: number;
  readonly splitAnswers: number;
  /** By the device, chosen. */
  readonly localAnswers: number;
  /** By the device, because the cloud did not answer. */
  readonly fallbacks: number;
  readonly failures: number;
  /** Of the failures, those that the session's own queue or a gateway refused. */
  readonly refusals: number;
  /** Times the arm in use changed. */
  readonly switches: number;
  /** Sent beside the device's own answers, to learn what the link is like. */
  readonly probes: number;
  /** Requests sent again. */
  readonly retries: number;
  /** Of requests that were answered, in bytes. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

export interface Journal {
  readonly on: Emitter<SessionEvents>['on'];
  stats(): SessionStats;
  answered(trace: Trace): void;
  failed(error: unknown): void;
  probed(): void;
  /** The arm that the session itself chose for a request. */
  chosen(
    arm: Arm,
    why: ChoiceReason,
    predictions: () => readonly Pick<Prediction, 'arm' | 'totalMs'>[],
  ): void;
}

export interface ChoiceReason {
  /** Without one the device was the only choice. */
  readonly isGatewayThere: boolean;
  /** The controller's, where it moved. */
  readonly change?: ArmChange | undefined;
}

export function createJournal(startId: string): Journal {
  const emitter = createEmitter<SessionEvents>();
  const stats = { ...NOTHING };
  let last = { id: startId, isGatewayThere: true };
  return {
    on: emitter.on,
    stats: () => ({ ...stats }),
    answered(trace) {
      stats.runs++;
      stats[answerKind(trace)]++;
      stats.retries += Math.max(0, trace.attempts - 1);
      stats.sentBytes += trace.sentBytes;
      stats.receivedBytes += trace.receivedBytes;
    },
    failed(error) {
      stats.runs++;
      stats.failures++;
      if (asSplitError(error).code === 'overloaded') stats.refusals++;
    },
    probed() {
      stats.probes++;
    },
    chosen(arm, { isGatewayThere, change }, predictions) {
      const before = last;
      last = { id: arm.id, isGatewayThere };
      if (arm.id === before.id) return;
      stats.switches++;
      const cause: CutChangeCause =
        presenceCause(before.isGatewayThere, isGatewayThere) ?? change?.cause ?? 'faster';
      const known = new Map(predictions().map(({ arm: { id }, totalMs }) => [id, totalMs]));
      const [fromMs, toMs] = [known.get(before.id), known.get(arm.id)];
      const way = { from: before.id, to: arm.id, cause, fromMs, toMs };
      const reason = change?.cause === cause ? changeText(change) : reasonOf(way);
      emitter.emit('cut-change', { ...way, reason });
    },
  };
}

const NOTHING: SessionStats = {
  runs: 0,
  splitAnswers: 0,
  localAnswers: 0,
  fallbacks: 0,
  failures: 0,
  refusals: 0,
  switches: 0,
  probes: 0,
  retries: 0,
  sentBytes: 0,
  receivedBytes: 0,
};

function answerKind({ fallback, arm }: Trace): 'fallbacks' | 'localAnswers' | 'splitAnswers' {
  if (fallback) return 'fallbacks';
  return arm === 'device' ? 'localAnswers' : 'splitAnswers';
}

function presenceCause(wasThere: boolean, isThere: boolean): 'gateway-lost' | 'gateway-found' | undefined {
  if (!isThere) return 'gateway-lost';
  return wasThere ? undefined : 'gateway-found';
}

function reasonOf({ from, to, cause, fromMs, toMs }: Omit<CutChange, 'reason'>): string {
  const ms = (value: number | undefined) => (value === undefined ? 'unknown' : `${value.toFixed(0)} ms`);
  return `${from} -> ${to}: ${cause}; ${ms(toMs)} instead of ${ms(fromMs)}`;
}
