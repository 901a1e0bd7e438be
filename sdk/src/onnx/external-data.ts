/** Weights in files beside the model: which stretches of which files it names. */
import { SplitError } from '../errors.ts';
import { type OnnxGraph, type OnnxNode, readGraph } from './graph-proto.ts';
import type { OnnxModel } from './model.ts';
import type { OnnxTensor } from './tensor-proto.ts';
import { contentOf, fieldsOf } from './wire-reader.ts';

export interface ExternalRange {
  /** Path relative to the model's directory, and inside it. */
  readonly location: string;
  /** First byte. */
  readonly offset: number;
  /** The byte after the last; `null` is the end of the file. */
  readonly end: number | null;
}

/**
 * All stretches that the model's weights name, those of subgraphs too: by file, ascending, joined where they touch,
 * so no byte is in two of them.
 * @throws SplitError `model-invalid` for a file outside of the model's directory, or a stretch that is none
 */
export function externalRanges(model: OnnxModel): ExternalRange[] {
  const named = new Map<string, ExternalRange>();
  for (const tensor of tensorsOf(model.graph)) {
    const range = externalRangeOf(tensor);
    if (range) named.set(JSON.stringify(range), range);
  }
  const sorted = [...named.values()].sort((a, b) => compare(a.location, b.location) || a.offset - b.offset);
  return join(sorted);
}

function* tensorsOf(graph: OnnxGraph): Generator<OnnxTensor> {
  yield* graph.initializers;
  yield* graph.sparseInitializers;
  for (const node of graph.nodes)
    if (node.hasSubgraph) for (const subgraph of subgraphsOf(node)) yield* tensorsOf(subgraph);
}

/** Read again, at the price of the subgraphs: they are not kept, as nothing else asks for them. */
export function* subgraphsOf({ span }: OnnxNode): Generator<OnnxGraph> {
  const [attributes, oneGraph, manyGraphs] = [5, 6, 11];
  for (const attribute of fieldsOf(span)) {
    if (attribute.number !== attributes) continue;
    for (const field of fieldsOf(contentOf(attribute)))
      if (field.number === oneGraph || field.number === manyGraphs) yield readGraph(contentOf(field));
  }
}

/** Where a tensor's values lie; undefined where they lie in the model itself. @throws SplitError `model-invalid` */
export function externalRangeOf({ name, external: entries }: OnnxTensor): ExternalRange | undefined {
  if (!entries) return undefined;
  const location = entries.get('location') ?? '';
  if (!isInside(location))
    throw invalid(name, `lies in ${quote(location)}, which is no file in the model's directory`);
  const offset = readCount(name, 'offset', entries.get('offset') ?? '0');
  const length = entries.get('length');
  return { location, offset, end: length === undefined ? null : offset + readCount(name, 'length', length) };
}

/** Relative, going down only: a model is not to have us read what lies elsewhere. */
function isInside(location: string): boolean {
  const steps = location.split(/[/\\]/);
  const isAbsolute = steps[0] === '' || /^[a-zA-Z]:/.test(location);
  return !isAbsolute && !location.includes('\0') && !steps.includes('..');
}

function readCount(name: string, key: string, text: string): number {
  const count = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(count)) return count;
  throw invalid(name, `has ${key} ${quote(text)}`);
}

function join(sorted: readonly ExternalRange[]): ExternalRange[] {
  const joined: ExternalRange[] = [];
  for (const range of sorted) {
    const before = joined.at(-1);
    if (before?.location !== range.location || (before.end !== null && before.end < range.offset))
      joined.push(range);
    else joined[joined.length - 1] = { ...before, end: furthest(before.end, range.end) };
  }
  return joined;
}

function furthest(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : Math.max(a, b);
}

/** By code units: the same on every machine, whatever its language. */
function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function invalid(name: string, what: string): SplitError {
  return new SplitError('model-invalid', `weight ${quote(name)} ${what}`);
}

function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}...` : text);
}
