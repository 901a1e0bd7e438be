/** `policy.yaml` beside a model, on the gateway's side: whether the model may be here, and which requests it may answer. */
import { access } from 'node:fs/promises';
import { SplitError } from '@cutpoint/sdk';
import {
  type Breach,
  breachesOfCut,
  breachesOfEnd,
  breachesOfPlace,
  type Cut,
  checkKept,
  dataClasses,
  needsDescriptor,
  type Place,
  type PlacementRules,
  placementRules,
  type SplitModel,
} from '@cutpoint/sdk/gateway';
import { readYamlFile } from '@cutpoint/sdk/program';
import type { Crossing } from '../models/served-model.ts';

/** What of a request a policy looks at. */
export interface PlacedRequest {
  readonly dataClass?: string | undefined;
  readonly isSealed: boolean;
  /** Who goes on behind this gateway. */
  readonly route?: readonly unknown[] | undefined;
  /** The cut at which the last of them stops; absent for the model's end. */
  readonly to?: string | undefined;
}

export interface PolicyPlace extends Place {
  /** Whether this gateway knows who signs descriptors of those behind it. */
  readonly knowsSigners: boolean;
}

export interface ModelPolicy {
  /** Whether some class of data may use the cut. */
  offers(cut: Cut): boolean;
  /** What speaks against answering a request at this cut, at this place. */
  breaches(request: PlacedRequest, crossing: Crossing, place: PolicyPlace): readonly Breach[];
  /** By which those behind this gateway are judged. @throws SplitError `placement-denied` for an unknown class */
  rules(dataClass?: string): PlacementRules;
}

/** The file's rules, before the model is opened. */
export interface PolicyFile {
  /** What speaks against holding the model here at all. */
  holding(place: Place): readonly Breach[];
  /** @throws SplitError `options-invalid` for values to keep that the model does not have */
  bind(model: SplitModel): ModelPolicy;
}

/**
 * @returns `undefined` where there is no file
 * @throws SplitError `options-invalid` for a file that is there and cannot be used: nothing is served without its policy
 */
export async function readPolicyFile(path: string): Promise<PolicyFile | undefined> {
  const isThere = await access(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  );
  if (!isThere) return undefined;
  const { value } = await readYamlFile(path);
  const named = new Map(dataClasses(value).map((name) => [name, placementRules(value, name)]));
  const unnamed = placementRules(value);
  const rules = (dataClass?: string) =>
    dataClass === undefined ? unnamed : (named.get(dataClass) ?? placementRules(value, dataClass));
  const each = named.size > 0 ? [...named.values()] : [unnamed];
  return {
    holding: (place) => holding(each, place),
    bind: (model) => bind({ rules, each: [...each, unnamed] }, model),
  };
}

interface Rules {
  /** @throws SplitError `placement-denied` for an unknown class */
  rules(dataClass?: string): PlacementRules;
  readonly each: readonly PlacementRules[];
}

function bind({ rules, each }: Rules, model: SplitModel): ModelPolicy {
  const { graph } = model;
  const [inputCut] = model.cuts;
  for (const one of each) checkKept(one, graph);
  return {
    offers: (cut) => each.some((one) => breachesOfCut(one, cut, graph).length === 0),
    rules,
    breaches({ dataClass, isSealed, route = [], to: last }, { cut = inputCut, to: own }, now) {
      let limits: PlacementRules;
      try {
        limits = rules(dataClass);
      } catch (error) {
        if (error instanceof SplitError) return [{ reason: 'dataClass', what: error.message }];
        throw error;
      }
      const inTheClear: Breach[] =
        limits.encryption === 'required' && !isSealed
          ? [
              {
                reason: 'encryption',
                what: 'the request came in the clear, and the policy requires encryption',
              },
            ]
          : [];
      // What is made by those behind is made elsewhere too.
      const to = route.length === 0 ? own : model.cuts.find(({ id }) => id === last);
      const ofCut = cut ? [...breachesOfCut(limits, cut, graph, to), ...breachesOfEnd(limits, cut, to)] : [];
      const onward: Breach[] =
        route.length > 0 && needsDescriptor(limits) && !now.knowsSigners
          ? [{ reason: 'route', what: 'nobody here knows whether the next gateway keeps the policy' }]
          : [];
      return [...onward, ...inTheClear, ...breachesOfPlace(limits, now), ...ofCut];
    },
  };
}

/** A model is held where one class of data may use it: weights have no class. */
function holding(all: readonly PlacementRules[], place: Place): readonly Breach[] {
  const each = all.map((rules) => breachesOfPlace({ ...rules, activations: undefined }, place));
  return each.some((breaches) => breaches.length === 0) ? [] : (each[0] ?? []);
}
