/** Where the gateway decides by policies: which models it may hold, which requests it may answer. Every decision is noted. */
import { type AuditTrail, type Breach, deniedBy, type Place } from '@cutpoint/sdk/gateway';
import type { GatewayEvents, ModelChanged } from '../events.ts';
import type { ModelFolder } from '../models/folder.ts';
import type { Crossing, ServedModel } from '../models/served-model.ts';
import type { PlacedRequest, PolicyFile } from './model-policy.ts';

export interface Applicant extends PlacedRequest {
  readonly device: string;
  readonly via: 'mqtt' | 'http';
}

export interface PolicyDesk {
  /** @throws SplitError `placement-denied`, `encryption-required` */
  checkModel(folder: ModelFolder, policy: PolicyFile): void;
  /** @throws SplitError `placement-denied`, `encryption-required`; `storage-failed` where decisions cannot be noted */
  checkRequest(model: ServedModel, crossing: Crossing, applicant: Applicant): void;
}

export interface DeskOptions {
  place(): Place;
  /** Whether this gateway knows who signs descriptors of those that it hands on to. @default false */
  readonly knowsSigners?: boolean;
  readonly trail: AuditTrail;
}

export function createPolicyDesk({ place, trail, knowsSigners = false }: DeskOptions): PolicyDesk {
  function decide(
    breaches: readonly Breach[],
    about: Readonly<Record<string, string | boolean | null>>,
  ): void {
    const { region = 'unknown' } = place();
    const error = trail.failure ?? deniedBy(breaches);
    if (!error) {
      trail.noteOnce('policy-decision', { decision: 'allowed', region, ...about });
      return;
    }
    const reason = breaches.map((breach) => breach.reason).join(', ') || error.code;
    const isOfRegion = breaches.some((breach) => REGIONAL.has(breach.reason));
    const details = { decision: 'refused', region, ...about, reason, what: error.message.slice(0, 1024) };
    trail.note(isOfRegion ? 'region-refusal' : 'policy-decision', details);
    throw error;
  }

  return {
    checkModel: ({ name, version }, policy) =>
      decide(policy.holding(place()), { subject: 'model', model: name, version }),
    checkRequest: ({ name, version, policy }, crossing, applicant) => {
      if (!policy) return;
      const { device, via, dataClass, isSealed } = applicant;
      const about = { subject: 'request', device, via, model: name, version, cut: crossing.id };
      const breaches = policy.breaches(applicant, crossing, { ...place(), knowsSigners });
      decide(breaches, { ...about, dataClass: dataClass ?? null, isSealed });
    },
  };
}

const REGIONAL: ReadonlySet<string> = new Set(['activations', 'parameters']);

/** Models that come and go are noted, whether a policy speaks of them or not. @returns how to stop */
export function noteModels(events: GatewayEvents, trail: AuditTrail): () => void {
  return events.on('model-changed', ({ model, version, digest, state, code }: ModelChanged) => {
    trail.note('model-change', { model, version, digest, state, ...(code && { code }) });
  });
}
