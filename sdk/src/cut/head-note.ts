/**
 * The note in a file that holds the head of a model alone: which model it is of, and what of that the file does not show.
 * It stands in the file's metadata, so whoever vouches for the file vouches for it.
 */
import { SplitError } from '../errors.ts';
import type { Graph } from '../onnx/graph.ts';
import { type HeaderField, MODEL_FIELD, type OnnxModel } from '../onnx/model.ts';
import { contentOf, fieldsOf, textOf } from '../onnx/wire-reader.ts';
import { WireWriter } from '../onnx/wire-writer.ts';
import { TENSOR_TYPES, type TensorInfo, type TensorType } from '../tensor.ts';
import { z } from '../zod.ts';
import { candidateCuts, offeredCuts } from './candidates.ts';
import type { Cut } from './cut.ts';

export interface HeadNote {
  readonly formatVersion: 1;
  /** Digest of the whole model, by which gateways know it. */
  readonly model: string;
  /** Those of the whole model. */
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /** Those of the whole model that may be offered, by ascending position: the input's first, the deepest last. */
  readonly cuts: readonly Cut[];
  /** Ids of those among them that gateways offer unless told otherwise. */
  readonly candidates: readonly string[];
}

const KEY = 'cutpoint.head';
const MAX_CUTS = 4096;

const Shape = z.union([z.array(z.union([z.number(), z.string()])), z.null()]);
const Info = z.strictObject({
  name: z.string(),
  type: z.enum(Object.keys(TENSOR_TYPES) as [TensorType]),
  shape: Shape,
});
const Id = z.string().check(z.regex(/^[0-9a-f]{16}$/));
const NoteSchema = z.strictObject({
  formatVersion: z.literal(1),
  model: z.string().check(z.regex(/^[0-9a-f]{64}$/)),
  inputs: z.array(Info),
  outputs: z.array(Info),
  cuts: z
    .array(
      z.strictObject({
        id: Id,
        position: z.int().check(z.gte(0)),
        depth: z.number().check(z.gte(0), z.lte(1)),
        name: z.string(),
        tensors: z.array(Info),
        headOutputs: z.array(z.string()),
        bytes: z.union([z.number(), z.null()]),
      }),
    )
    .check(z.minLength(2), z.maxLength(MAX_CUTS)),
  candidates: z.array(Id),
});

/** What is written down of a whole model. */
export interface NotedModel extends Pick<HeadNote, 'inputs' | 'outputs' | 'cuts'> {
  readonly graph: Graph;
  readonly digest: string;
}

/** @param also ids of cuts that gateways offer besides their candidates */
export function headNote(model: NotedModel, deepest: Cut, also: readonly string[] = []): HeadNote {
  const { cuts, graph, digest, inputs, outputs } = model;
  const isWithin = ({ position }: Cut) => position <= deepest.position;
  return {
    formatVersion: 1,
    model: digest,
    inputs,
    outputs,
    cuts: [...cuts.filter(({ position }) => position === 0), ...offeredCuts(cuts, graph).filter(isWithin)],
    candidates: candidateCuts(cuts, graph, { also })
      .filter(isWithin)
      .map(({ id }) => id),
  };
}

/** The header with the note, in place of one that was there. */
export function withHeadNote(header: readonly HeaderField[], note: HeadNote): readonly HeaderField[] {
  const entry = new WireWriter().text(1, KEY).text(2, JSON.stringify(note));
  const bytes = new WireWriter().message(MODEL_FIELD.metadata, entry).toBytes();
  const others = header.filter((field) => entryOf(field)?.key !== KEY);
  return [...others, { number: MODEL_FIELD.metadata, bytes }];
}

/** `undefined` for a whole model. @throws SplitError `model-invalid` for a note that cannot be read */
export function readHeadNote({ header }: Pick<OnnxModel, 'header'>): HeadNote | undefined {
  const text = header.map(entryOf).find((entry) => entry?.key === KEY)?.value;
  if (text === undefined) return undefined;
  const parsed = NoteSchema.safeParse(parse(text));
  if (parsed.success) return parsed.data;
  const { path = [], message = '' } = parsed.error.issues[0] ?? {};
  throw invalid(`${path.join('.')}: ${message}`);
}

/** The cut at which the file ends. */
export function deepestCut({ cuts }: HeadNote): Cut {
  const last = cuts.at(-1);
  if (last) return last;
  throw invalid('no cut');
}

function entryOf(field: HeaderField): { readonly key: string; readonly value: string } | undefined {
  if (field.number !== MODEL_FIELD.metadata) return undefined;
  let [key, value] = ['', ''];
  for (const outer of fieldsOf({ file: field.bytes, start: 0, end: field.bytes.length }))
    for (const inner of fieldsOf(contentOf(outer))) {
      if (inner.number === 1) key = textOf(inner);
      else if (inner.number === 2) value = textOf(inner);
    }
  return { key, value };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalid('it is not JSON');
  }
}

function invalid(why: string): SplitError {
  return new SplitError(
    'model-invalid',
    `the file's note of which model's head it is cannot be read: ${why}`,
  );
}
