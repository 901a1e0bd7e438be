/** What breaks the rules of placement: a gateway by where it is and what it does, a cut by what it sends. Pure. */
import type { Cut } from '../cut/cut.ts';
import { SplitError } from '../errors.ts';
import { keepsOutputs } from './arm.ts';
import type { PlacementRules } from './placement-policy.ts';

/** What is known of a gateway; what it does not say keeps no limit. */
export interface Place {
  readonly region?: string | undefined;
  /** Who runs the machine. */
  readonly provider?: string | undefined;
  /** Longest time that it keeps what it was sent or answered, in milliseconds after the answer. */
  readonly retentionMs?: number | undefined;
  /** Whether it takes sealed payloads. */
  readonly takesSeals?: boolean | undefined;
}

/** Why a placement is refused, as audit logs and plans name it. */
export type PlacementReason =
  | 'activations'
  | 'parameters'
  | 'providers'
  | 'retentionMs'
  | 'encryption'
  | 'minDepth'
  | 'inputs'
  | 'outputs'
  | 'keep'
  | 'dataClass'
  | 'tailWeights'
  | 'route';

export interface Breach {
  readonly reason: PlacementReason;
  /** In one sentence, with the value and the limit. */
  readonly what: string;
}

/** Where values of a model are made and read, by positions of nodes in the graph's order. */
export interface ValuePlaces {
  readonly inputs: readonly { readonly name: string }[];
  readonly producers: ReadonlyMap<string, number>;
}

/** Whether the rules ask for anything that only the gateway's descriptor can show. */
export function needsDescriptor({
  activations,
  parameters,
  providers,
  retentionMs,
}: PlacementRules): boolean {
  return [activations, parameters, providers, retentionMs].some((limit) => limit !== undefined);
}

/** What speaks against a gateway; none where it may be asked. */
export function breachesOfPlace(rules: PlacementRules, place: Place): readonly Breach[] {
  const { activations, parameters, providers, retentionMs, encryption } = rules;
  const region = place.region ?? 'unknown';
  const breaches: Breach[] = [];
  const breach = (reason: PlacementReason, what: string) => breaches.push({ reason, what });
  if (activations && !activations.includes(region))
    breach('activations', `the gateway is in ${region}; activations may be in ${list(activations)}`);
  if (parameters && !parameters.includes(region))
    breach('parameters', `the gateway is in ${region}; parameters may be in ${list(parameters)}`);
  if (providers && !providers.includes(place.provider ?? 'unknown'))
    breach(
      'providers',
      `the gateway is run by ${place.provider ?? 'unknown'}; allowed are ${list(providers)}`,
    );
  if (retentionMs !== undefined && (place.retentionMs ?? Number.POSITIVE_INFINITY) > retentionMs)
    breach(
      'retentionMs',
      `the gateway keeps data for ${place.retentionMs ?? 'an unknown number of'} ms; at most ${retentionMs} ms are allowed`,
    );
  if (encryption === 'required' && place.takesSeals === false)
    breach('encryption', 'the gateway takes no sealed payloads, and encryption is required');
  return breaches;
}

/**
 * What speaks against sending what crosses a cut; the cut before the first node is the input.
 * @param to where the gateway stops, and sends what crosses there back to the device
 */
export function breachesOfCut(
  rules: PlacementRules,
  cut: Cut,
  values: ValuePlaces,
  to?: Cut,
): readonly Breach[] {
  const { minDepth = 0, inputs, keep } = rules;
  const breaches: Breach[] = [];
  const breach = (reason: PlacementReason, what: string) => breaches.push({ reason, what });
  if (cut.depth < minDepth)
    breach('minDepth', `cut ${cut.id} is at ${cut.depth.toFixed(3)} of the nodes; the least is ${minDepth}`);
  const isInput = ({ name }: { readonly name: string }) => values.inputs.some((input) => input.name === name);
  const sent = cut.tensors.filter(isInput).map(({ name }) => name);
  if (inputs === 'stay' && (cut.position === 0 || sent.length > 0))
    breach('inputs', `cut ${cut.id} sends the input ${list(sent)}, and inputs stay`);
  const leaving = keep.filter((name) => leaves(name, { cut, to }, values));
  if (leaving.length > 0)
    breach(
      'keep',
      `cut ${cut.id} sends ${list(leaving)}, or has it made elsewhere; it may not leave the device`,
    );
  return breaches;
}

/** What speaks against a request from `cut` to `to`, or to the model's end: outputs that stay are not made on the way. */
export function breachesOfEnd({ outputs }: PlacementRules, cut: Cut, to?: Cut): readonly Breach[] {
  if (outputs !== 'stay' || (to !== undefined && keepsOutputs(cut, to))) return [];
  const end = to === undefined ? 'the end' : `cut ${to.id}`;
  const what = `from cut ${cut.id} to ${end} outputs of the model are made or sent, and outputs stay`;
  return [{ reason: 'outputs', what }];
}

/** A value that is kept neither crosses nor is made behind the cut. */
function leaves(
  name: string,
  { cut, to }: { readonly cut: Cut; readonly to: Cut | undefined },
  { producers }: ValuePlaces,
): boolean {
  if ([cut, to].some((one) => one?.tensors.some((tensor) => tensor.name === name))) return true;
  const maker = producers.get(name);
  if (maker === undefined) return false;
  return !isInHead(maker, cut) && (to === undefined || isInHead(maker, to));
}

function isInHead(node: number, { headNodes, position }: Cut): boolean {
  return headNodes ? headNodes.includes(node) : node < position;
}

/** @throws SplitError `options-invalid` for a name to keep that the model does not have */
export function checkKept({ keep }: PlacementRules, { inputs, producers }: ValuePlaces): void {
  const stray = keep.find((name) => !producers.has(name) && !inputs.some((input) => input.name === name));
  if (stray === undefined) return;
  throw new SplitError('options-invalid', `policy.placement.keep: the model has no value '${stray}'`);
}

/** What speaks against a device that runs the last layers, as one that holds the whole model can. */
export function breachesOfWhole({ tailWeights }: PlacementRules): readonly Breach[] {
  if (tailWeights !== 'cloud') return [];
  const what = 'the device would hold the whole model, and the weights of its tail stay in the cloud';
  return [{ reason: 'tailWeights', what }];
}

/** `encryption-required` where nothing but the seal is missing, `placement-denied` else; none for no breach. */
export function deniedBy(breaches: readonly Breach[]): SplitError | undefined {
  if (breaches.length === 0) return undefined;
  const isOfSeals = breaches.every(({ reason }) => reason === 'encryption');
  return new SplitError(
    isOfSeals ? 'encryption-required' : 'placement-denied',
    breaches.map(({ what }) => what).join('; '),
  );
}

function list(names: readonly string[]): string {
  return names.join(', ') || 'none';
}
