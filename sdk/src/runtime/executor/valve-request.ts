/** Requests to the valve: their feeds and fetches found in the graph, and which of them may share a run. */
import { fitsBatch, type RowKind } from '../../cut/rows.ts';
import type { Dequantiser } from '../../cut/valve-dequantiser.ts';
import type { Entry } from '../../cut/valve-entry.ts';
import type { ValvePlan } from '../../cut/valve-graph.ts';
import type { QuantisedValue } from '../../cut/valve-quantiser.ts';
import type { SegmentOutput } from '../../cut/valve-segment.ts';
import { SplitError } from '../../errors.ts';
import type { QuantisedTensor } from '../../quantised.ts';
import type { Tensor, Tensors } from '../../tensor.ts';
import { sizeAlong } from '../../tensor-rows.ts';
import type { ExecutorRequest } from './executor.ts';
import type { Part } from './part.ts';

/** A request whose feeds and fetches have been found in the graph. */
export interface ValveRequest {
  readonly part: Part;
  readonly feeds: Tensors;
  /** What enters, in the order of the entries of its gate, or of the model's inputs. */
  readonly entering: readonly Entering[];
  readonly fetches: readonly ValveFetch[];
  /** Fetches that leave as bytes, with the form of all of them. */
  readonly quantised: readonly QuantisedValue[];
}

/** A tensor, or floats as bytes. */
export type Entering = Tensor | QuantisedTensor;

export interface ValveFetch {
  readonly name: string;
  /** Where it is made; undefined for one of the feeds. */
  readonly made: { readonly segment: number; readonly output: SegmentOutput } | undefined;
}

/** @throws SplitError `runtime-failed` when a feed is missing, or a fetch is neither made in the part nor fed */
export function readRequest(plan: ValvePlan, part: Part, request: ExecutorRequest): ValveRequest {
  const { feeds, fetches } = request;
  const quantiser =
    request.quantise && part.first < part.end ? plan.gates[part.end - 1]?.quantiser : undefined;
  const quantised = (quantiser?.tensors ?? []).filter(({ name }) => fetches.includes(name));
  const others = fetches.filter((name) => !quantised.some((value) => value.name === name));
  const entries = part.first === part.end ? [] : entriesAt(plan, part.first);
  const entering = entries.map(({ name }, i): Entering => {
    const bytes = request.quantisedFeeds?.[name];
    if (bytes && dequantiserOf(plan, part.first, i)) return bytes;
    const tensor = feedOf(feeds, name);
    if (tensor) return tensor;
    throw new SplitError('runtime-failed', `feed ${JSON.stringify(name)} is missing`);
  });
  const found = others.map((name) => findFetch(plan, part, { name, feeds }));
  return { part, feeds, entering, fetches: found, quantised };
}

/** Of the entry through which a value enters the segment. */
export function dequantiserOf({ gates }: ValvePlan, segment: number, entry: number): Dequantiser | undefined {
  return gates[segment - 1]?.dequantisers.find((own) => own.entry === entry);
}

export function isBytes(value: Entering): value is QuantisedTensor {
  return 'symbols' in value;
}

function entriesAt({ inputs, gates }: ValvePlan, segment: number): readonly Entry[] {
  return segment === 0 ? inputs : (gates[segment - 1]?.entries ?? []);
}

function feedOf(feeds: Tensors, name: string): Tensor | undefined {
  return Object.hasOwn(feeds, name) ? feeds[name] : undefined;
}

function findFetch(
  plan: ValvePlan,
  { first, end }: Part,
  { name, feeds }: { name: string; feeds: Tensors },
): ValveFetch {
  for (let segment = first; segment < end; segment++) {
    const output = plan.segments[segment]?.outputs.find((candidate) => candidate.name === name);
    if (output) return { name, made: { segment, output } };
  }
  if (feedOf(feeds, name)) return { name, made: undefined };
  throw new SplitError(
    'runtime-failed',
    `fetch ${JSON.stringify(name)} is neither made between the cuts nor fed`,
  );
}

/**
 * Whether requests may share a run: wherever values meet or part they are of rows, and of the sizes that were seen
 * when rows were told apart, or the same for all.
 */
export function canShare(plan: ValvePlan, requests: readonly ValveRequest[]): boolean {
  if (requests.length < 2) return true;
  // Bytes have one scale for all rows.
  if (requests.some(({ quantised }) => quantised.length > 0)) return false;
  const isKnown = requests.every(({ part, entering, fetches }) => {
    const entries = entriesAt(plan, part.first);
    const areFit = entering.every((value, i) => fitsEntry(value, entries[i]?.kind));
    const canPart = fetches.every(({ made }) => made === undefined || isPartable(made.output.like));
    return part.first < part.end && areFit && canPart && rowsOf(plan, { part, entering }) > 0;
  });
  return (
    isKnown &&
    areAlike(requests) &&
    plan.gates.every((gate, index) => gate.mixer !== undefined || !needsMixing(requests, index))
  );
}

function fitsEntry(value: Entering, kind: RowKind | undefined): boolean {
  if (!isBytes(value)) return fitsBatch(value, kind);
  return kind?.kind === 'row' && fitsBatch({ ...value, data: value.symbols }, kind);
}

/** What enters at one gate comes as bytes from all, or as floats. */
function areAlike(requests: readonly ValveRequest[]): boolean {
  const forms = new Map<string, boolean>();
  return requests.every(({ part, entering }) =>
    entering.every((value, i) => {
      const key = `${part.first}/${i}`;
      const known = forms.get(key);
      forms.set(key, isBytes(value));
      return known === undefined || known === isBytes(value);
    }),
  );
}

function isPartable({ kind }: Entry): boolean {
  return kind?.kind === 'row' || kind?.kind === 'invariant';
}

/** Requests that pass a gate go on together; if any enters or leaves there, rows must be told apart. */
function needsMixing(requests: readonly ValveRequest[], gate: number): boolean {
  const isPassing = ({ part }: ValveRequest) => part.first <= gate && part.end > gate + 1;
  const isConcerned = ({ part }: ValveRequest) => part.first <= gate + 1 && part.end > gate;
  return requests.some(isPassing) && requests.some((request) => isConcerned(request) && !isPassing(request));
}

/** Rows of what enters; 0 where its tensors do not agree on a number. */
export function rowsOf(plan: ValvePlan, { part, entering }: Pick<ValveRequest, 'part' | 'entering'>): number {
  const counts = entriesAt(plan, part.first).flatMap(({ kind }, i) => {
    const tensor = entering[i];
    return kind?.kind === 'row' && tensor ? [sizeAlong(tensor, kind.axis)] : [];
  });
  const [rows = 0] = counts;
  return counts.every((count) => count === rows) ? rows : 0;
}
