import { describe, expect, it } from 'vitest';
import { GraphBuilder } from './builder.ts';
import { buildGraph } from './graph.ts';
import { type OnnxNode, readNames } from './graph-proto.ts';
import { partsOf, readModel, writeModel } from './model.ts';
import { renameReads } from './rename.ts';
import { bytesOf } from './wire-reader.ts';

/** The node of the given operator, once what it reads has been renamed. */
function renamed(
  model: Uint8Array,
  opType: string,
  names: ReadonlyMap<string, string>,
): OnnxNode | undefined {
  const { header, graph } = readModel(model);
  const nodes = graph.nodes.map((node) =>
    node.opType === opType ? renameReads(node, names) : bytesOf(node.span),
  );
  const bytes = writeModel(header, { ...partsOf(graph), nodes }).toBytes();
  return readModel(bytes).graph.nodes.find((node) => node.opType === opType);
}

function ifModel(): Uint8Array {
  const branch = (name: string, build: (graph: GraphBuilder) => void) => {
    const graph = new GraphBuilder(name);
    build(graph);
    return graph;
  };
  const inner = branch('inner', (graph) => {
    graph.node('Add', ['a', 'own'], {}, { outputs: ['deep'] });
    graph.output('deep', 'float32');
  });
  const then = branch('then', (graph) => {
    graph.node('Neg', ['b'], {}, { outputs: ['own'] });
    graph.node(
      'If',
      ['c'],
      { then_branch: { graph: inner }, else_branch: { graph: inner } },
      { outputs: ['t'] },
    );
    graph.output('t', 'float32');
  });
  const other = branch('else', (graph) => {
    graph.node('Identity', ['a'], {}, { outputs: ['e'] });
    graph.output('e', 'float32');
  });
  const graph = new GraphBuilder();
  for (const name of ['a', 'b']) graph.input(name, 'float32', ['n']);
  graph.input('c', 'bool', []);
  graph.node(
    'If',
    ['c'],
    { then_branch: { graph: then }, else_branch: { graph: other } },
    { outputs: ['y'] },
  );
  graph.output('y');
  return graph.toBytes();
}

describe('renaming what a node reads', () => {
  it('reaches into subgraphs within subgraphs', () => {
    const node = renamed(
      ifModel(),
      'If',
      new Map([
        ['a', 'new a'],
        ['c', 'new c'],
      ]),
    );
    expect(node && readNames(node).sort()).toEqual(['b', 'new a', 'new c']);
    expect(node?.outputs).toEqual(['y']);
  });

  it('leaves names that a subgraph makes itself', () => {
    const node = renamed(
      ifModel(),
      'If',
      new Map([
        ['own', 'wrong'],
        ['b', 'new b'],
      ]),
    );
    expect(node && readNames(node).sort()).toEqual(['a', 'c', 'new b']);
  });

  it('copies the bytes of a node that reads nothing renamed', () => {
    const model = ifModel();
    const [node] = buildGraph(readModel(model)).nodes;
    if (!node) throw new Error('no node');
    expect(renameReads(node, new Map([['own', 'x']]))).toEqual(bytesOf(node.span));
  });
});
