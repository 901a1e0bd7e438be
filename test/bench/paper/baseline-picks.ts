/** What the planners of the literature would pick for a net, on one device and one link, among the cuts that can be run. */
import type { Cut } from '../../../sdk/src/cut/cut.ts';
import { headOf } from '../../../sdk/src/cut/head.ts';
import { type CutProblem, type HeadMask, headLine } from '../../../sdk/src/planner/cut-problem.ts';
import { lineAt, msPerByte } from '../../../sdk/src/planner/envelope.ts';
import { nodeWork } from '../../../sdk/src/profiler/flops.ts';
import { graphProblem } from '../../../sdk/src/profiler/graph-problem.ts';
import type { SplitModel } from '../../../sdk/src/session/open-model.ts';
import { chainHeads, fixedMidHead } from './chain-planner.ts';
import { fitLayers } from './layer-regression.ts';
import { minCutPick } from './min-cut-planner.ts';

export interface PickRequest {
  readonly model: SplitModel;
  /** Of each node, as measured alone. */
  readonly nodeMs: Float64Array;
  /** Cuts inside the model that can be run, by position. */
  readonly cuts: readonly Cut[];
  readonly edgeSlowdown: number;
  readonly uplinkBitsPerSecond: number;
  readonly downlinkBitsPerSecond: number;
  readonly roundTripMs: number;
}

/** `device`, `input`, or a cut's id. All three send float32 as it is. */
export interface BaselinePicks {
  readonly Neurosurgeon: string;
  readonly DADS: string;
  readonly 'fixed mid cut': string;
  /** Whether DADS wanted a cut that cannot be run, so that the best of the others by its own costs stands for it. */
  readonly isDadsReplaced: boolean;
}

export function baselinePicks(request: PickRequest): BaselinePicks {
  const measured = problemOf(request, request.nodeMs);
  const fitted = problemOf(request, fittedMs(request));
  const x = msPerByte(request.uplinkBitsPerSecond);
  const places = placesOf(request);
  const chain = new Set(chainHeads(fitted).map(keyOf));
  const chainPlaces = places.filter(({ mask }) => chain.has(keyOf(mask)));
  const exact = minCutPick(measured, x);
  const isOffered = places.some(({ mask }) => exact && keyOf(mask) === keyOf(exact.headSet));
  return {
    Neurosurgeon: cheapest(fitted, chainPlaces, x),
    DADS: cheapest(measured, places, x),
    'fixed mid cut': nearest(chainPlaces, fixedMidHead(measured)),
    isDadsReplaced: !isOffered,
  };
}

interface Place {
  readonly id: string;
  readonly mask: HeadMask;
}

function placesOf({ model, cuts }: PickRequest): readonly Place[] {
  const count = model.graph.nodes.length;
  const inside = cuts.map((cut): Place => {
    const head = headOf(cut);
    return { id: cut.id, mask: Uint8Array.from({ length: count }, (_, node) => (head.has(node) ? 1 : 0)) };
  });
  const ends = [0, 1].map((bit) => new Uint8Array(count).fill(bit));
  return [
    { id: 'input', mask: ends[0] ?? new Uint8Array() },
    ...inside,
    { id: 'device', mask: ends[1] ?? new Uint8Array() },
  ];
}

function cheapest(problem: CutProblem, places: readonly Place[], x: number): string {
  const believed = places.map(({ id, mask }) => ({ id, ms: lineAt(headLine(problem, mask), x) }));
  return believed.toSorted((a, b) => a.ms - b.ms)[0]?.id ?? 'device';
}

/** The cut inside the model whose head is nearest in size to the wanted one. */
function nearest(places: readonly Place[], wanted: HeadMask | undefined): string {
  const size = (mask: HeadMask) => mask.reduce((sum, bit) => sum + bit, 0);
  const goal = wanted ? size(wanted) : 0;
  const inside = places.filter(({ id }) => id !== 'input' && id !== 'device');
  const ranked = inside.toSorted((a, b) => Math.abs(size(a.mask) - goal) - Math.abs(size(b.mask) - goal));
  return ranked[0]?.id ?? 'input';
}

function problemOf(request: PickRequest, nodeMs: Float64Array): CutProblem {
  const { model, edgeSlowdown, downlinkBitsPerSecond, roundTripMs } = request;
  return graphProblem(model.graph, {
    types: model.sizedTypes,
    edgeMs: nodeMs.map((ms) => ms * edgeSlowdown),
    cloudMs: nodeMs,
    downlinkMsPerByte: msPerByte(downlinkBitsPerSecond),
    splitMs: roundTripMs,
  });
}

/** Neurosurgeon's regression: a line for each kind of layer, over its operations. */
function fittedMs({ model, nodeMs }: PickRequest): Float64Array {
  const work = nodeWork(model.graph, model.sizedTypes).map(({ operations }) => operations);
  const kinds = model.graph.nodes.map(({ opType }) => opType);
  const guess = fitLayers(
    kinds.map((kind, node) => ({ kind, work: work[node] ?? 0, ms: nodeMs[node] ?? 0 })),
  );
  return Float64Array.from(kinds, (kind, node) => guess(kind, work[node] ?? 0) ?? 0);
}

const keyOf = (mask: HeadMask) => mask.join('');
