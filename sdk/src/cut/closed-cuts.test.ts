import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { directRuntime } from '../../../test/support/direct-runtime.ts';
import { dagModel, dagSpec } from '../../../test/support/models/random-dag.ts';
import { isSameBits, runSplit, runWhole } from '../../../test/support/split-runs.ts';
import { GraphBuilder } from '../onnx/builder.ts';
import { buildGraph, type Graph, isWeight } from '../onnx/graph.ts';
import { readNames } from '../onnx/graph-proto.ts';
import { readModel } from '../onnx/model.ts';
import { openModel } from '../session/open-model.ts';
import { memorySource } from '../source/memory.ts';
import type { TensorInfo } from '../tensor.ts';
import { closedCuts, closedHeads } from './closed-cuts.ts';
import { crossingNames, crossingOf } from './crossing.ts';
import { prefixHead, setHead } from './head.ts';
import { legalCuts } from './legal-cuts.ts';
import { segmentBetween, segmentChain } from './segments.ts';

const runtime = directRuntime();
afterAll(() => runtime.close());

describe('closedHeads', () => {
  it('finds every closed set of nodes once, as trying all sets does', () => {
    fc.assert(
      fc.property(dagSpec(12), (spec) => {
        const graph = graphOf(dagModel(spec));
        const found = [...closedHeads(graph)].map((head) => head.join());
        expect(new Set(found).size).toBe(found.length);
        expect(found.toSorted()).toEqual(allClosedSets(graph).toSorted());
      }),
      { numRuns: 60 },
    );
  });

  it('counts the products of branches that do not touch', () => {
    const graph = graphOf(branches([3, 3]));
    expect([...closedHeads(graph)]).toHaveLength(16 + 1);
  });

  it('begins at once, however many there are', () => {
    const graph = graphOf(branches(Array(40).fill(3)));
    expect(closedHeads(graph).next().value).toEqual([]);
  });
});

describe('what crosses a closed head', () => {
  it('is what the rest of the graph reads and does not make', () => {
    fc.assert(
      fc.property(dagSpec(9), (spec) => {
        const graph = graphOf(dagModel(spec));
        for (const positions of closedHeads(graph)) {
          const rest = graph.nodes.filter((_, at) => !positions.includes(at));
          const made = new Set(rest.flatMap((node) => node.outputs));
          const needed = rest.flatMap(readNames).filter((name) => !made.has(name) && !isWeight(graph, name));
          expect(crossingOf(graph, setHead(positions)).toSorted()).toEqual([...new Set(needed)].toSorted());
        }
      }),
      { numRuns: 40 },
    );
  });

  it('is the same, in the same order, as at a position of the graph', () => {
    fc.assert(
      fc.property(dagSpec(12), (spec) => {
        const graph = graphOf(dagModel(spec));
        for (const [position, names] of crossingNames(graph).entries())
          expect(crossingOf(graph, prefixHead(position))).toEqual(names);
      }),
    );
  });
});

describe('closedCuts', () => {
  it('gives the cuts of legalCuts as they are, and others beside them', () => {
    fc.assert(
      fc.property(dagSpec(8), (spec) => {
        const graph = graphOf(dagModel(spec));
        const [prefixes, all] = [
          legalCuts(graph, typesOf(graph), 'd'),
          closedCuts(graph, typesOf(graph), 'd'),
        ];
        expect(all.slice(0, prefixes.length)).toEqual(prefixes);
        expect(new Set(all.map((cut) => cut.id)).size).toBe(all.length);
        for (const cut of all.slice(prefixes.length)) expect(cut.headNodes).toHaveLength(cut.position);
      }),
      { numRuns: 40 },
    );
  });

  it('offers a cut through the second branch alone', () => {
    const graph = graphOf(branches([2, 2]));
    const cuts = closedCuts(graph, typesOf(graph), 'd');
    const second = cuts.find((cut) => cut.headNodes?.join() === '2,3');
    expect(second?.tensors.map((tensor) => tensor.name)).toEqual(['x', 'b1n1']);
  });

  it('looks at no more heads than it is told to', () => {
    const graph = graphOf(branches(Array(40).fill(3)));
    const prefixes = legalCuts(graph, typesOf(graph), 'd').length;
    const found = closedCuts(graph, typesOf(graph), 'd', { maxHeads: 50 }).length;
    expect(found).toBeGreaterThan(prefixes);
    expect(found).toBeLessThanOrEqual(prefixes + 50);
  });

  it('gives cuts whose head and tail make the same as the whole', async () => {
    const model = await openModel(memorySource(branches([2, 1, 2])), runtime);
    const cuts = closedCuts(model.graph, model.types, model.digest);
    const feeds = { x: { type: 'float32', data: Float32Array.of(0.3, -1.7), dims: [2] } } as const;
    const run = { runtime, model, feeds, optimization: 'disabled' } as const;
    const whole = await runWhole(run);
    for (const cut of cuts.filter(({ depth }) => depth > 0 && depth < 1)) {
      const split = await runSplit(run, cut);
      expect(isSameBits(split.y, whole.y), cut.name).toBe(true);
    }
    expect(cuts.filter((cut) => cut.headNodes).length).toBeGreaterThan(8);
  });
});

describe('segments between closed cuts', () => {
  const graph = graphOf(branches([2, 2]));
  const options = { types: typesOf(graph) };
  const cutOf = (positions: readonly number[]) => {
    const cut = closedCuts(graph, options.types, 'd').find(
      (other) => `${other.headNodes}` === `${positions}`,
    );
    if (!cut) throw new Error(`no cut after ${positions}`);
    return cut;
  };

  it('chain where each head is within the next', () => {
    const chain = segmentChain(graph, [cutOf([0, 2, 3]), cutOf([2])], options);
    expect(chain.map(({ inputs, outputs }) => [inputs, outputs])).toEqual([
      [['x'], ['b1n0']],
      [
        ['x', 'b1n0'],
        ['b0n0', 'b1n1'],
      ],
      [['b0n0', 'b1n1'], ['y']],
    ]);
  });

  it.each([
    ['of which neither head is within the other', [[0], [2]]],
    ['of which the larger head lacks a node of the smaller', [[2], [0, 1]]],
    ['that is not closed', [[1], [0, 1]]],
    ['between which nothing lies', [[2], [2]]],
  ])('are refused for cuts %s', (_, [from = [], to = []]) => {
    const act = () => segmentBetween(graph, setHead(from), setHead(to), options);
    expect(act).toThrowError(expect.objectContaining({ code: 'cut-invalid' }));
  });

  it('make no chain of cuts that are not nested', () => {
    const act = () =>
      segmentChain(graph, [cutOf([2]), { ...cutOf([0, 2, 3]), headNodes: [0, 1, 3] }], options);
    expect(act).toThrowError(expect.objectContaining({ code: 'cut-invalid' }));
  });
});

/** One input x, chains of the given lengths from it, and their sum y. Node j of branch i makes `b<i>n<j>`. */
function branches(lengths: readonly number[]): Uint8Array {
  const builder = new GraphBuilder();
  builder.input('x', 'float32', [2]);
  const ends = lengths.map((length, i) => {
    let value = 'x';
    for (let j = 0; j < length; j++) value = builder.node('Sin', [value], {}, { outputs: [`b${i}n${j}`] });
    return value;
  });
  builder.output(builder.node('Sum', ends, {}, { outputs: ['y'] }));
  return builder.toBytes();
}

/** By trying all 2^n sets: those in which every node finds what it reads. */
function allClosedSets(graph: Graph): string[] {
  const count = graph.nodes.length;
  return Array.from({ length: 2 ** count }, (_, bits) => bits)
    .filter((bits) => isRunnable(graph, bits))
    .map((bits) => [...graph.nodes.keys()].filter((at) => bits & (1 << at)).join());
}

function isRunnable(graph: Graph, bits: number): boolean {
  const known = new Set(['a', 'b', 'x', 'yes']);
  for (const [at, node] of graph.nodes.entries()) {
    if (!(bits & (1 << at))) continue;
    if (!readNames(node).every((name) => known.has(name))) return false;
    for (const name of node.outputs) known.add(name);
  }
  return true;
}

function graphOf(bytes: Uint8Array): Graph {
  return buildGraph(readModel(bytes));
}

function typesOf(graph: Graph): Map<string, TensorInfo> {
  const names = [...graph.inputs.map((input) => input.name), ...graph.producers.keys()];
  return new Map(names.map((name) => [name, { name, type: 'float32', shape: [2] }]));
}
