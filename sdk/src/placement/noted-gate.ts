/** A gate whose verdicts are written down, and that lets nobody through while they cannot be. */
import type { AuditTrail } from '../audit/trail.ts';
import { createPlacementGate, type GateOptions, type PlacementGate, type Verdict } from './gate.ts';

export interface NotedGateOptions extends Pick<GateOptions, 'rules' | 'keys' | 'counters'> {
  readonly trail: AuditTrail;
}

export function createNotedGate({ trail, ...options }: NotedGateOptions): PlacementGate {
  const gate = createPlacementGate({
    ...options,
    wallMs: () => Date.now(),
    onVerdict: (verdict) => noteVerdict(trail, verdict),
  });
  // What cannot be accounted for is not done: with a log that cannot be written, no gateway is asked.
  return { ...gate, refusal: (gateway) => trail.failure ?? gate.refusal(gateway) };
}

function noteVerdict(trail: AuditTrail, { gateway, reasons, error, descriptor, keyId }: Verdict): void {
  const isOfRegion = reasons.some((reason) => REGIONAL.has(reason));
  const details = {
    decision: error ? 'gateway refused' : 'gateway allowed',
    gateway,
    ...(error && { reason: reasons.join(', '), what: error.message.slice(0, 1024) }),
    ...(descriptor && { region: descriptor.region, counter: descriptor.counter }),
    ...(keyId !== undefined && { keyId }),
  };
  trail.note(error && isOfRegion ? 'region-refusal' : 'policy-decision', details);
}

const REGIONAL: ReadonlySet<string> = new Set(['activations', 'parameters', 'region-differs']);
