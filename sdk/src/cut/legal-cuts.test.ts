import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../onnx/builder.ts';
import { buildGraph, type Graph } from '../onnx/graph.ts';
import { readNames } from '../onnx/graph-proto.ts';
import { readModel } from '../onnx/model.ts';
import type { TensorInfo } from '../tensor.ts';
import { legalCuts } from './legal-cuts.ts';

/** Nodes that each read some earlier values; every value is float32[2]. */
const dag = fc
  .array(fc.array(fc.nat(1000), { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 9 })
  .chain((reads) =>
    fc.record({ reads: fc.constant(reads), outputs: fc.subarray(reads.map((_, i) => `v${i}`)) }),
  );

function build({ reads, outputs }: { reads: number[][]; outputs: string[] }): Graph {
  const builder = new GraphBuilder();
  const names = [builder.input('a', 'float32', [2]), builder.input('b', 'float32', [2])];
  for (const [i, picks] of reads.entries()) {
    const inputs = picks.map((pick) => names[pick % names.length] ?? 'a');
    names.push(builder.node('Sum', inputs, {}, { outputs: [`v${i}`] }));
  }
  for (const name of outputs) builder.output(name);
  return buildGraph(readModel(builder.toBytes()));
}

function float32Types(graph: Graph, shape: TensorInfo['shape'] = [2]): Map<string, TensorInfo> {
  const names = [...graph.inputs.map((input) => input.name), ...graph.producers.keys()];
  return new Map(names.map((name) => [name, { name, type: 'float32', shape }]));
}

describe('legalCuts', () => {
  it('gives cuts that are closed: the tail runs on what crosses, and all that crosses is needed', () => {
    fc.assert(
      fc.property(dag, (spec) => {
        const graph = build(spec);
        for (const cut of legalCuts(graph, float32Types(graph), 'digest').slice(0, -1)) {
          const crossing = cut.tensors.map((tensor) => tensor.name);
          expect(canRunTail(graph, cut.position, new Set(crossing))).toBe(true);
          expect(new Set(crossing).size).toBe(crossing.length);
          for (const name of crossing) {
            expect(canRunTail(graph, cut.position, new Set(crossing.filter((other) => other !== name)))).toBe(
              false,
            );
          }
        }
      }),
    );
  });

  it('keeps outputs that the head makes on the device, and yields every output on one side', () => {
    fc.assert(
      fc.property(dag, (spec) => {
        const graph = build(spec);
        for (const cut of legalCuts(graph, float32Types(graph), 'digest')) {
          const inTail = graph.nodes.slice(cut.position).flatMap((node) => node.outputs);
          for (const { name } of graph.outputs)
            expect(inTail.includes(name)).toBe(!cut.headOutputs.includes(name));
        }
      }),
    );
  });

  it('names each cut once, in the order of its position, from the inputs to the outputs', () => {
    fc.assert(
      fc.property(dag, (spec) => {
        const graph = build(spec);
        const cuts = legalCuts(graph, float32Types(graph), 'digest');
        expect(new Set(cuts.map((cut) => cut.id)).size).toBe(cuts.length);
        expect(cuts.map((cut) => cut.position)).toEqual(
          cuts.map((cut) => cut.position).toSorted((a, b) => a - b),
        );
        expect(cuts.at(0)?.depth).toBe(0);
        expect(cuts.at(-1)?.depth).toBe(1);
      }),
    );
  });

  it('counts the bytes of all tensors that cross, at the shapes to be fed', () => {
    const graph = build({
      reads: [
        [0, 1],
        [2, 1],
      ],
      outputs: ['v1'],
    });
    const symbolic = float32Types(graph, ['batch', 3]);
    expect(legalCuts(graph, symbolic, 'd').map((cut) => cut.bytes)).toEqual([null, null, null]);
    const sized = legalCuts(graph, symbolic, 'd', { sizedTypes: float32Types(graph, [2, 3]) });
    expect(sized.map((cut) => cut.bytes)).toEqual([48, 48, 24]);
    expect(sized[0]?.tensors[0]?.shape).toEqual(['batch', 3]);
  });

  it('knows a scalar from an unknown rank', () => {
    const graph = build({ reads: [[0]], outputs: ['v0'] });
    expect(legalCuts(graph, float32Types(graph, []), 'd')[0]?.bytes).toBe(4);
    expect(legalCuts(graph, float32Types(graph, null), 'd')[0]?.bytes).toBeNull();
  });

  it('leaves out positions where a value crosses that is no tensor of numbers', () => {
    const graph = build({ reads: [[0], [2], [3]], outputs: ['v2'] });
    const types = float32Types(graph);
    types.delete('v0');
    expect(legalCuts(graph, types, 'd').map((cut) => cut.position)).toEqual([0, 2, 3]);
  });

  it('changes every id with the digest, and no id with anything else', () => {
    const graph = build({ reads: [[0], [2]], outputs: ['v1'] });
    const ids = (digest: string, shape: number[]) =>
      legalCuts(graph, float32Types(graph, shape), digest).map((cut) => cut.id);
    expect(ids('one', [2])).toEqual(ids('one', [5, 5]));
    for (const id of ids('two', [2])) expect(ids('one', [2])).not.toContain(id);
    for (const id of ids('one', [2])) expect(id).toMatch(/^[0-9a-f]{16}$/);
  });

  it('does not confuse names that hold separators', () => {
    const idOf = (first: string, second: string) => {
      const builder = new GraphBuilder();
      for (const name of [first, second]) builder.input(name, 'float32', [2]);
      builder.output(builder.node('Add', [first, second]));
      const graph = buildGraph(readModel(builder.toBytes()));
      return legalCuts(graph, float32Types(graph), 'd')[0]?.id;
    };
    expect(idOf('a","b', 'c')).not.toBe(idOf('a', 'b","c'));
    expect(idOf('a\n', 'b')).not.toBe(idOf('a', '\nb'));
  });
});

/** Brute force: whether the nodes from `position` on find everything they read. */
function canRunTail(graph: Graph, position: number, given: Set<string>): boolean {
  const known = new Set(given);
  for (const node of graph.nodes.slice(position)) {
    if (!readNames(node).every((name) => known.has(name))) return false;
    for (const name of node.outputs) known.add(name);
  }
  return true;
}
