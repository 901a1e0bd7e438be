import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../onnx/builder.ts';
import { buildGraph, type Graph } from '../onnx/graph.ts';
import { readModel } from '../onnx/model.ts';
import { candidateCuts } from './candidates.ts';
import type { Cut } from './cut.ts';

/** A chain of `bytes.length - 1` nodes that nothing fuses, with cuts that send the given bytes. */
function chainOf(bytes: readonly (number | null)[], op = 'Softmax'): { cuts: Cut[]; graph: Graph } {
  const builder = new GraphBuilder();
  let name = builder.input('x', 'float32', ['n']);
  for (let i = 1; i < bytes.length; i++) name = builder.node(op, [name]);
  builder.output(name);
  const last = bytes.length - 1;
  const cuts = bytes.map(
    (size, position): Cut => ({
      id: `${position}`,
      position,
      depth: position / last,
      name: '',
      tensors: [{ name: 't', type: 'float32', shape: ['n', position + 1] }],
      headOutputs: [],
      bytes: size,
    }),
  );
  return { cuts, graph: buildGraph(readModel(builder.toBytes())) };
}

const sizes = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 2, maxLength: 60 });
const limits = fc.integer({ min: 1, max: 12 });

describe('candidateCuts', () => {
  it('picks at most the limit, inside the model, by ascending position', () => {
    fc.assert(
      fc.property(sizes, limits, (bytes, limit) => {
        const { cuts, graph } = chainOf(bytes);
        const picked = candidateCuts(cuts, graph, { limit }).map((cut) => cut.position);
        expect(picked.length).toBeLessThanOrEqual(limit);
        expect(picked.length).toBeGreaterThanOrEqual(Math.min(1, bytes.length - 2));
        expect(picked).toEqual(picked.toSorted((a, b) => a - b));
        for (const position of picked) expect(position > 0 && position < bytes.length - 1).toBe(true);
      }),
    );
  });

  it('always has the cut that sends least, and of equal ones the earliest', () => {
    fc.assert(
      fc.property(sizes, limits, (bytes, limit) => {
        const { cuts, graph } = chainOf(bytes);
        const inner = bytes.slice(1, -1);
        fc.pre(inner.length > 0);
        const best = inner.indexOf(Math.min(...inner)) + 1;
        expect(candidateCuts(cuts, graph, { limit }).map((cut) => cut.position)).toContain(best);
      }),
    );
  });

  it('does not depend on the order of the cuts', () => {
    const { cuts, graph } = chainOf([9, 8, 7, 9, 3, 4, 2, 2, 8, 1, 5]);
    expect(candidateCuts(cuts.toReversed(), graph)).toEqual(candidateCuts(cuts, graph));
  });

  it('adds the cuts that are named, in their places', () => {
    const { cuts, graph } = chainOf([9, 8, 7, 9, 3, 4, 2, 2, 8, 1, 5]);
    const found = candidateCuts(cuts, graph, { limit: 1, also: ['8', '3'] });
    expect(found.map(({ id }) => id)).toEqual(['3', '8', '9']);
  });

  it.each(['0', '10', 'other'])('refuses the name %s, which is of no cut inside the model', (id) => {
    const { cuts, graph } = chainOf([9, 8, 7, 9, 3, 4, 2, 2, 8, 1, 5]);
    expect(() => candidateCuts(cuts, graph, { also: [id] })).toThrow(`cut '${id}' is none of the 9 cuts`);
  });

  it('is spread over the depth', () => {
    const { cuts, graph } = chainOf(Array.from({ length: 41 }, (_, i) => 100 - i));
    const depths = candidateCuts(cuts, graph, { limit: 4 }).map((cut) => Math.floor(cut.depth * 4));
    expect(depths).toEqual([0, 1, 2, 3]);
  });

  it('has no cut inside a group of fused nodes', () => {
    const { cuts, graph } = chainOf([5, 5, 5, 5], 'DequantizeLinear');
    expect(candidateCuts(cuts, graph)).toEqual([]);
  });

  it('compares cuts of unknown size by what is known of them', () => {
    const { cuts, graph } = chainOf([null, null, null, null, null]);
    expect(candidateCuts(cuts, graph, { limit: 1 }).map((cut) => cut.position)).toEqual([1]);
  });

  it.each([0, -1, 1.5, Number.NaN])('refuses a limit of %s', (limit) => {
    const { cuts, graph } = chainOf([1, 1, 1]);
    expect(() => candidateCuts(cuts, graph, { limit })).toThrowError(
      expect.objectContaining({ code: 'options-invalid' }),
    );
  });
});
