/** Requests whose seal does not hold never reach a policy: that they came is noted all the same. */
import { asSplitError } from '@cutpoint/sdk';
import type { AuditTrail, GatewaySeal } from '@cutpoint/sdk/gateway';

export function notedSeal(seal: GatewaySeal, trail: AuditTrail): GatewaySeal {
  return {
    get announced() {
      return seal.announced;
    },
    async open(request, payload) {
      try {
        return await seal.open(request, payload);
      } catch (error) {
        const { code } = asSplitError(error);
        const { device, model, cut } = request;
        trail.note('policy-decision', { decision: 'seal refused', code, device, model, cut });
        throw error;
      }
    },
  };
}
