/**
 * Laws that any queue keeps over a stretch at whose ends it is empty, whatever its distributions: Little's (1961), L = lambda W,
 * and that of utilisation, U = X S (Denning and Buzen, 1978). Both sides are counted apart, so that a request or a batch that
 * was lost, or counted twice, shows.
 */
import { SplitError } from '../errors.ts';
import type { GatewayLedger } from './simulated-gateway.ts';

export interface Laws {
  /** Mean number of requests at a gateway, over the whole run, and rate times mean stay; the larger gap of all gateways. */
  readonly littleGap: number;
  /** Share of the executors' time that they were at work, and batches a second times what each took. */
  readonly utilisationGap: number;
  /** Requests admitted that did not end once. */
  readonly lost: number;
}

/** Sums of a million floats differ by less. */
const TOLERANCE = 1e-6;

/** @throws SplitError `internal` where one does not hold: a defect of the simulation */
export function checkLaws(ledgers: readonly GatewayLedger[]): Laws {
  const laws = {
    littleGap: Math.max(0, ...ledgers.map(({ presentMs, stayedMs }) => gap(presentMs, stayedMs))),
    utilisationGap: Math.max(0, ...ledgers.map(({ busyMs, ranMs }) => gap(busyMs, ranMs))),
    lost: ledgers.reduce((sum, { admitted, answered, dropped }) => sum + admitted - answered - dropped, 0),
  };
  if (laws.littleGap <= TOLERANCE && laws.utilisationGap <= TOLERANCE && laws.lost === 0) return laws;
  const { littleGap, utilisationGap, lost } = laws;
  const what = `Little's law is off by ${littleGap}, utilisation by ${utilisationGap}, ${lost} requests did not end`;
  throw new SplitError('internal', `the simulation does not add up: ${what}`);
}

function gap(a: number, b: number): number {
  return Math.abs(a - b) / Math.max(1, Math.abs(a), Math.abs(b));
}
