/** A policy's placement in a plan: where the gateway is, and which arms may not be because of that or of what they send. */
import type { Cut } from '../cut/cut.ts';
import { SplitError } from '../errors.ts';
import { decodeDescriptorFile, readDescriptor } from '../placement/descriptor.ts';
import {
  breachesOfCut,
  breachesOfPlace,
  breachesOfWhole,
  checkKept,
  type Place,
} from '../planner/placement.ts';
import type { PlannedArm } from '../planner/planned-arm.ts';
import { placementRules } from '../planner/policy.ts';
import type { SplitModel } from '../session/open-model.ts';
import type { PlanFlags } from './plan.ts';
import { readText } from './read-document.ts';

type PlacementFlags = Pick<PlanFlags, 'gateway' | 'region' | 'dataClass'> & {
  /** Where the first of several gateways is. */
  readonly placed?: Place | undefined;
};

export interface PlanPlacement {
  readonly region: string | undefined;
  placementOf(arm: PlannedArm): readonly string[];
}

/** @throws SplitError `options-invalid`, `placement-denied` for a class of data that the policy does not know */
export async function planPlacement(
  policy: unknown,
  { placed, ...flags }: PlacementFlags,
  model: SplitModel,
): Promise<PlanPlacement> {
  const rules = placementRules(policy, flags.dataClass);
  checkKept(rules, model.graph);
  const place = placed ?? (await placeOf(flags));
  const ofPlace = breachesOfPlace(rules, place);
  const cutCalled = (name: string | undefined) =>
    model.cuts.find(({ id, position }) => id === name || (name === 'input' && position === 0));
  const cutsOf = ({ id }: PlannedArm) => {
    const [first, last] = (id.split('/')[0] ?? '').split('-');
    return [cutCalled(first?.split('>')[0]), cutCalled(last)] as const;
  };
  return {
    region: place.region,
    placementOf(arm) {
      const [cut, to] = arm.kind === 'device' ? [] : cutsOf(arm);
      const endsHere = arm.kind === 'device' || to !== undefined;
      const breaches = [
        ...(arm.kind === 'device' ? [] : ofPlace),
        ...(endsHere ? breachesOfWhole(rules) : []),
        ...(cut ? breachesOfCut(rules, cut, model.graph, to) : []),
      ];
      const isBare = rules.noise !== undefined && cut !== undefined && !takesNoise(cut, arm.id);
      // Regions, depth and the input itself are constraints of the plan, which names them so.
      const own = breaches.filter(
        ({ reason }) => !COVERED.has(reason) && !(reason === 'inputs' && arm.sendsInput),
      );
      const reasons = [...own.map(({ reason }) => reason), ...(isBare ? ['noise'] : [])];
      return [...new Set(reasons.map((reason) => `placement.${reason}`))];
    },
  };
}

/** As sessions have it: float32 alone does, and no picture's file. */
function takesNoise({ tensors }: Cut, arm: string): boolean {
  return !arm.endsWith('/image') && tensors.every(({ type }) => type === 'float32');
}

const COVERED: ReadonlySet<string> = new Set(['activations', 'parameters', 'minDepth']);

async function placeOf({ gateway, region }: Pick<PlanFlags, 'gateway' | 'region'>): Promise<Place> {
  if (gateway === undefined) return { region };
  const {
    region: signed,
    provider,
    retentionMs,
  } = readDescriptor(decodeDescriptorFile(await readText(gateway)));
  if (region === undefined || region === signed) return { region: signed, provider, retentionMs };
  throw new SplitError('options-invalid', `--region is ${region}, the descriptor says ${signed}`);
}
