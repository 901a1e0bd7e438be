/** The valve: one session for every part of a model, in which requests at different cuts run together. */
import type { ValveGraph } from '../../cut/valve-graph.ts';
import { SplitError } from '../../errors.ts';
import type { QuantisedTensor } from '../../quantised.ts';
import type { Tensors } from '../../tensor.ts';
import type { GraphOptimization, Runtime } from '../runtime.ts';
import type { Executor, ExecutorRequest, ExecutorResult } from './executor.ts';
import { apportion, checkCuts, findPart } from './part.ts';
import { readQuantised } from './read-quantised.ts';
import { canShare, readRequest, rowsOf, type ValveRequest } from './valve-request.ts';
import { feedsOf, orderRows, padRows, valuesOf, wantedOutputs } from './valve-rows.ts';

export interface ValveOptions {
  readonly runtime: Runtime;
  readonly graph: ValveGraph;
  /** Where the original model's files lie. */
  readonly directory?: string | undefined;
  /** @default 'all' */
  readonly optimization?: GraphOptimization | undefined;
}

export interface ValveExecutor extends Executor {
  runBatch(requests: readonly ExecutorRequest[]): readonly Promise<ExecutorResult>[];
  /** How the time of a run is parted among its segments from now on; until then in proportion to their nodes. */
  apportionBy(segmentMs: readonly number[]): void;
  /** What it goes by now. */
  shares(): readonly number[];
}

/** @throws SplitError what `runtime.load` throws, and `cut-invalid` for cuts out of order */
export async function createValve({
  runtime,
  graph,
  directory,
  optimization,
}: ValveOptions): Promise<ValveExecutor> {
  const cuts = checkCuts(graph.gates.map(({ cut }) => cut));
  const model = await runtime.load({
    bytes: graph.bytes,
    ...(directory !== undefined && { directory }),
    ...(optimization && { optimization }),
  });
  let shares: readonly number[] = graph.segments.map(({ nodes }) => nodes.length);
  let fixedRows: number | undefined;
  let closing: Promise<void> | undefined;

  function read(request: ExecutorRequest): ValveRequest {
    if (closing !== undefined) throw new SplitError('closed', 'the executor was closed');
    return readRequest(graph, findPart(cuts, request), request);
  }

  async function runTogether(
    requests: readonly ValveRequest[],
    signal?: AbortSignal,
  ): Promise<ExecutorResult[]> {
    const own = requests.map((request) => ({ request, rows: rowsOf(graph, request) }));
    const padded = fixedRows === undefined ? undefined : padRows(graph, own, fixedRows);
    const order = orderRows(graph, padded ?? own);
    const fetches = wantedOutputs(requests);
    const isNothing = requests.every(({ part }) => part.first === part.end);
    const { values, stepMs } = await runtime.run({
      models: isNothing ? [] : [model],
      feeds: isNothing ? {} : feedsOf(graph, order),
      fetches,
      ...(signal && { signal }),
    });
    const segmentMs = apportion(stepMs[0] ?? 0, shares, (segment) => (order[segment]?.length ?? 0) > 0);
    return requests.map((request) => ({
      values: valuesOf(request, order, values),
      ...(request.quantised.length > 0 && { quantised: quantisedOf(request, values) }),
      segmentMs: segmentMs.slice(request.part.first, request.part.end),
    }));
  }

  async function run(request: ExecutorRequest): Promise<ExecutorResult> {
    const [result] = await runTogether([read(request)], request.signal);
    if (result === undefined) throw new SplitError('internal', 'a run without a result');
    const isWhole = request.fetches.every((name) => result.values[name] ?? result.quantised?.[name]);
    // What bytes cannot express is rare: such a run is made again for floats.
    return isWhole ? result : run({ ...request, quantise: false });
  }

  function runBatch(requests: readonly ExecutorRequest[]): readonly Promise<ExecutorResult>[] {
    const reads = requests.map((request) => tryToRead(request));
    const groups = groupThatShare(
      graph,
      reads.filter((request) => request !== undefined),
    );
    const shared = new Map<ValveRequest, Promise<ExecutorResult | undefined>>();
    for (const group of groups.filter(({ length }) => length > 1)) {
      const together = runTogether(group);
      for (const [index, request] of group.entries())
        shared.set(
          request,
          together.then((results) => results[index]),
        );
    }
    return requests.map(async (request, index) => {
      const own = reads[index];
      // What fails together is run alone, so that nobody gets the error of another.
      const result = await (own && shared.get(own))?.catch(() => undefined);
      return result ?? run(request);
    });
  }

  /** Undefined for one that must fail by itself. */
  function tryToRead(request: ExecutorRequest): ValveRequest | undefined {
    try {
      return request.signal?.aborted ? undefined : read(request);
    } catch {
      return undefined;
    }
  }

  function close(): Promise<void> {
    closing ??= model.release();
    return closing;
  }

  return {
    cuts,
    description: `valve of ${graph.segments.length} segments, ${runtime.description}`,
    run,
    runBatch,
    fillTo: (rows) => {
      fixedRows = rows;
    },
    takesBytes: (cut) => {
      const gate = graph.gates.find((candidate) => candidate.cut.id === cut.id);
      return (gate?.dequantisers ?? []).flatMap(({ entry }) => gate?.entries[entry]?.name ?? []);
    },
    canQuantise: (cut) => graph.gates.some((gate) => gate.cut.id === cut.id && gate.quantiser !== undefined),
    apportionBy: (segmentMs) => {
      shares = [...segmentMs];
    },
    shares: () => shares,
    close,
  };
}

function quantisedOf({ quantised }: ValveRequest, values: Tensors): Record<string, QuantisedTensor> {
  const read = quantised.map((value) => [value.name, readQuantised(value, values)] as const);
  return Object.fromEntries(read.filter((pair): pair is [string, QuantisedTensor] => pair[1] !== undefined));
}

/** Groups that may share a run, in the order of their first requests. */
function groupThatShare(graph: ValveGraph, requests: readonly ValveRequest[]): ValveRequest[][] {
  const groups: ValveRequest[][] = [];
  for (const request of requests) {
    const group = groups.find((others) => canShare(graph, [...others, request]));
    if (group) group.push(request);
    else groups.push([request]);
  }
  return groups;
}
