/** Runs of the valve graph: from requests at any cuts to one set of feeds, and back to each request's values. */
import type { Dequantiser } from '../../cut/valve-dequantiser.ts';
import type { Entry } from '../../cut/valve-entry.ts';
import type { Gate } from '../../cut/valve-gate.ts';
import type { ValvePlan } from '../../cut/valve-graph.ts';
import type { QuantisedTensor } from '../../quantised.ts';
import type { Tensor, Tensors } from '../../tensor.ts';
import { copyRows } from '../../tensor-rows.ts';
import { type Feed, type Feeds, rowsInPieces } from '../feeds.ts';
import { dequantiserOf, type Entering, isBytes, type ValveRequest } from './valve-request.ts';

/** A request's rows among those of the batch. A request alone has all the rows there are, however many. */
export interface Share {
  readonly request: ValveRequest;
  readonly rows: number;
  /** It fills a batch up to its size: whose values it has does not matter. */
  readonly isPadding?: boolean;
}

/** Requests by segment, in the order in which their rows lie in it. */
export type RowOrder = readonly (readonly Share[])[];

/** What passes a gate comes first, in its order; what enters follows. */
export function orderRows({ segments }: ValvePlan, shares: readonly Share[]): RowOrder {
  const order: Share[][] = [];
  for (const segment of segments.keys()) {
    const passing = (order[segment - 1] ?? []).filter(({ request }) => request.part.end > segment);
    const entering = shares.filter(({ request: { part } }) => part.first === segment && part.end > segment);
    order.push([...passing, ...entering]);
  }
  return order;
}

/**
 * The same with padding, so that every segment that runs has just so many rows: where rows enter later, as many of the
 * padding leave. Graphics processors set up each convolution anew whenever its number of rows changes, which takes a hundred
 * times as long as the run. `undefined` where it cannot be done: requests end before the model does, or are too many.
 */
export function padRows(
  plan: ValvePlan,
  shares: readonly Share[],
  rows: number,
): readonly Share[] | undefined {
  const total = shares.reduce((sum, share) => sum + share.rows, 0);
  const last = plan.segments.length;
  const first = Math.min(...shares.map(({ request }) => request.part.first));
  const model = shares.find(({ request }) => request.part.first === first && request.part.end === last);
  const isFit = total <= rows && model?.rows === 1 && plan.gates.every(({ mixer }) => mixer !== undefined);
  if (!isFit || model === undefined || shares.some(({ request }) => request.part.end !== last))
    return undefined;
  const pads: Share[] = [];
  const pad = (end: number, count: number) => {
    const part = { first, end };
    const request: ValveRequest = { ...model.request, part, fetches: [], quantised: [] };
    for (let i = 0; i < count; i++) pads.push({ request, rows: 1, isPadding: true });
  };
  pad(last, rows - total);
  for (let gate = last - 1; gate > first; gate--) {
    const entering = shares.filter(({ request }) => request.part.first === gate);
    pad(
      gate,
      entering.reduce((sum, share) => sum + share.rows, 0),
    );
  }
  return [...shares, ...pads];
}

/** Feeds of the valve graph, all of its inputs. */
export function feedsOf(plan: ValvePlan, order: RowOrder): Feeds {
  const feeds: [string, Feed][] = plan.segments.map(({ run }, i) => [run, flag((order[i] ?? []).length > 0)]);
  feeds.push(...entryFeeds(plan, 0, enteringAt(order, 0)));
  for (const [index, gate] of plan.gates.entries()) {
    const entering = enteringAt(order, index + 1);
    feeds.push(
      ...entryFeeds(plan, index + 1, entering),
      ...gateFeeds(gate, order[index] ?? [], { index, entering }),
    );
  }
  if (plan.emptyShape !== undefined) feeds.push([plan.emptyShape, vector([0n])]);
  return Object.fromEntries(feeds);
}

function enteringAt(order: RowOrder, segment: number): readonly Share[] {
  return (order[segment] ?? []).filter(({ request }) => request.part.first === segment);
}

function entryFeeds(plan: ValvePlan, segment: number, entering: readonly Share[]): [string, Feed][] {
  const entries = segment === 0 ? plan.inputs : (plan.gates[segment - 1]?.entries ?? []);
  return entries.flatMap((entry, i): [string, Feed][] => {
    const values = entering.flatMap(({ request }) => request.entering[i] ?? []);
    const dequantiser = dequantiserOf(plan, segment, i);
    const shares = entering.filter(({ request }) => request.entering[i] && isBytes(request.entering[i]));
    const isBytesHere = shares.length > 0;
    const floats: [string, Feed] = [entry.input.name, isBytesHere ? entry.empty : joined(entry, values)];
    return dequantiser ? [floats, ...byteFeeds(dequantiser, { entry, i, shares })] : [floats];
  });
}

function joined({ kind, empty }: Entry, values: readonly Entering[]): Feed {
  const tensors = values.filter((value): value is Tensor => !isBytes(value));
  return (
    (kind?.kind === 'row' && tensors.length > 1 ? rowsInPieces(tensors, kind.axis) : tensors[0]) ?? empty
  );
}

interface ByteShares {
  readonly entry: Entry;
  /** Its place in its gate. */
  readonly i: number;
  readonly shares: readonly Share[];
}

/** Symbols of all rows but those of padding, and for each row which it is and the numbers of its request. */
function byteFeeds(
  { dequantise, symbols, scale, zeroPoint, take }: Dequantiser,
  { entry: { kind }, i, shares }: ByteShares,
): [string, Feed][] {
  const rank = symbols.shape?.length ?? 0;
  const axis = kind?.kind === 'row' ? kind.axis : undefined;
  const bytesIn = ({ request }: Share) => request.entering[i] as QuantisedTensor;
  const rowsOf = (share: Share) => (axis === undefined ? 1 : (bytesIn(share).dims[axis] ?? 0));
  const rows = shares.reduce((sum, share) => sum + rowsOf(share), 0) || 1;
  const perRow = Array.from({ length: rank }, (_, dim) => (dim === axis ? rows : 1));
  const numbers = (of: (value: QuantisedTensor) => number): Tensor => {
    const list = shares.flatMap((share) => Array<number>(rowsOf(share)).fill(of(bytesIn(share))));
    return { type: 'float32', dims: perRow, data: Float32Array.from(shares.length === 0 ? [1] : list) };
  };
  const tensors = shares
    .filter(({ isPadding }) => !isPadding)
    .map((share): Tensor => ({ type: 'uint8', dims: bytesIn(share).dims, data: bytesIn(share).symbols }));
  const none: Tensor = { type: 'uint8', dims: Array<number>(rank).fill(0), data: new Uint8Array(0) };
  const all = axis !== undefined && tensors.length > 1 ? rowsInPieces(tensors, axis) : tensors[0];
  return [
    [dequantise, flag(shares.length > 0)],
    [symbols.name, all ?? none],
    [scale.name, numbers((value) => value.scale)],
    [zeroPoint.name, numbers((value) => value.zeroPoint)],
    ...(take ? [[take.input.name, taken(shares, rowsOf)] as [string, Feed]] : []),
  ];
}

/** Padding is the first row again and again: it stands behind the others, and is not copied to where the graph runs. */
function taken(shares: readonly Share[], rowsOf: (share: Share) => number): Tensor {
  let at = 0;
  const list = shares.flatMap((share) =>
    Array.from({ length: rowsOf(share) }, () => (share.isPadding ? 0n : BigInt(at++))),
  );
  return vector(list);
}

function gateFeeds(
  { enter, mixer, quantiser }: Gate,
  came: readonly Share[],
  { index, entering }: { index: number; entering: readonly Share[] },
): [string, Tensor][] {
  const goesOn = ({ request }: Share) => request.part.end > index + 1;
  const isEntered = !came.some(goesOn);
  const isMixed = !isEntered && (entering.length > 0 || !came.every(goesOn));
  const isQuantised = came.some((share) => !goesOn(share) && share.request.quantised.length > 0);
  const own: [string, Tensor][] = [[enter, flag(isEntered)]];
  if (quantiser) own.push([quantiser.quantise, flag(isQuantised)]);
  if (!mixer) return own;
  return [...own, [mixer.mix, flag(isMixed)], [mixer.stay, indices(isMixed ? came : [], goesOn)]];
}

function indices(came: readonly Share[], goesOn: (share: Share) => boolean): Tensor {
  const staying: bigint[] = [];
  let at = 0;
  for (const share of came) {
    if (goesOn(share)) for (let row = 0; row < share.rows; row++) staying.push(BigInt(at + row));
    at += share.rows;
  }
  return vector(staying);
}

function vector(values: readonly bigint[]): Tensor {
  return { type: 'int64', dims: [values.length], data: BigInt64Array.from(values) };
}

function flag(value: boolean): Tensor {
  return { type: 'bool', dims: [], data: Uint8Array.of(value ? 1 : 0) };
}

/** Outputs of the valve graph that some request fetches, each once. */
export function wantedOutputs(requests: readonly ValveRequest[]): string[] {
  return [
    ...new Set(
      requests.flatMap(({ fetches, quantised }) => [
        ...fetches.flatMap(({ made }) => made?.output.output ?? []),
        ...quantised.flatMap(({ symbols, statistics, shape }) => [symbols, statistics, shape]),
      ]),
    ),
  ];
}

/** One request's values out of those of the run. */
export function valuesOf(request: ValveRequest, order: RowOrder, values: Tensors): Tensors {
  const found = request.fetches.map(({ name, made }): [string, Tensor | undefined] => {
    if (!made) return [name, request.feeds[name]];
    const value = values[made.output.output];
    return [
      name,
      value && ownRows(value, made.output.like, { request, inSegment: order[made.segment] ?? [] }),
    ];
  });
  return Object.fromEntries(found.filter((pair): pair is [string, Tensor] => pair[1] !== undefined));
}

function ownRows(
  value: Tensor,
  { kind }: Entry,
  { request, inSegment }: { request: ValveRequest; inSegment: readonly Share[] },
): Tensor {
  if (kind?.kind !== 'row' || inSegment.length < 2) return value;
  const place = inSegment.findIndex((share) => share.request === request);
  const start = inSegment.slice(0, place).reduce((sum, { rows }) => sum + rows, 0);
  return copyRows(value, kind.axis, [start, start + (inSegment[place]?.rows ?? 0)]);
}
