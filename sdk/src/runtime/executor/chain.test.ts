import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Cut } from '../../cut/cut.ts';
import type { Tensor } from '../../tensor.ts';
import { createOrtNode } from '../ort-node.ts';
import type { Runtime } from '../runtime.ts';
import { tinyModel } from '../suite-models.ts';
import type { ChainSegment } from './chain.ts';
import { createChain } from './chain.ts';

// x -Neg-> a | a -Add-> b (and c = Mul(a, a)) | b, c -Sub-> y
const SEGMENTS: readonly ChainSegment[] = [
  segment(['x'], ['a'], [['Neg', ['x'], 'a']]),
  segment(
    ['a'],
    ['b', 'c'],
    [
      ['Add', ['a', 'a'], 'b'],
      ['Mul', ['a', 'a'], 'c'],
    ],
  ),
  segment(['b', 'c'], ['y'], [['Sub', ['b', 'c'], 'y']]),
];
const FIRST = cut('first', 1, ['a']);
const SECOND = cut('second', 3, ['b', 'c']);

describe('chain of segments', () => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await createOrtNode({ threads: 1 });
  });
  afterAll(() => runtime.close());

  const create = () => createChain({ runtime, segments: SEGMENTS, cuts: [FIRST, SECOND] });

  it('runs the whole model', async () => {
    const chain = await create();
    const { values, segmentMs } = await chain.run({ feeds: { x: floats(3) }, fetches: ['y', 'a'] });
    expect(values).toEqual({ y: floats(-15), a: floats(-3) });
    expect(segmentMs).toHaveLength(3);
    expect(chain.description).toBe(`chain of 3 segments, ${runtime.description}`);
    await chain.close();
  });

  it('gives the same from a head and a tail at every cut', async () => {
    const chain = await create();
    for (const boundary of chain.cuts) {
      const fetches = boundary.tensors.map((tensor) => tensor.name);
      const head = await chain.run({ to: boundary, feeds: { x: floats(3) }, fetches });
      const tail = await chain.run({ from: boundary, feeds: head.values, fetches: ['y'] });
      expect(tail.values).toEqual({ y: floats(-15) });
      expect(head.segmentMs.length + tail.segmentMs.length).toBe(3);
    }
    await chain.close();
  });

  it('runs a middle part, and nothing from a cut to itself', async () => {
    const chain = await create();
    const feeds = { a: floats(2) };
    const middle = await chain.run({ from: FIRST, to: SECOND, feeds, fetches: ['c', 'a'] });
    expect(middle.values).toEqual({ c: floats(4), a: floats(2) });
    const nothing = await chain.run({ from: FIRST, to: FIRST, feeds, fetches: ['a'] });
    expect(nothing).toEqual({ values: feeds, segmentMs: [] });
    await chain.close();
  });

  it('refuses a cut it does not have, and an end before the beginning', async () => {
    const chain = await create();
    const feeds = { x: floats(1) };
    const unknown = chain.run({ to: cut('elsewhere', 2, ['a']), feeds, fetches: [] });
    await expect(unknown).rejects.toMatchObject({ code: 'cut-invalid' });
    const backwards = chain.run({ from: SECOND, to: FIRST, feeds, fetches: [] });
    await expect(backwards).rejects.toMatchObject({ code: 'cut-invalid' });
    await chain.close();
  });

  it('refuses cuts that do not lie between the segments, in order', async () => {
    for (const cuts of [[FIRST], [SECOND, FIRST]]) {
      const creation = createChain({ runtime, segments: SEGMENTS, cuts });
      await expect(creation).rejects.toMatchObject({ code: 'cut-invalid' });
    }
  });

  it('stops when the signal has fired', async () => {
    const chain = await create();
    const run = chain.run({ feeds: { x: floats(1) }, fetches: ['y'], signal: AbortSignal.abort() });
    await expect(run).rejects.toMatchObject({ code: 'aborted' });
    await chain.close();
  });

  it('refuses runs once closed, and closes twice', async () => {
    const chain = await create();
    await Promise.all([chain.close(), chain.close()]);
    const run = chain.run({ feeds: { x: floats(1) }, fetches: ['y'] });
    await expect(run).rejects.toMatchObject({ code: 'closed' });
  });

  it('keeps no segment loaded when a later one fails to load', async () => {
    const { counting, loaded } = countLoads(runtime);
    const broken = { ...SEGMENTS[2], bytes: Uint8Array.of(9), inputs: [], outputs: [] };
    const segments = [...SEGMENTS.slice(0, 2), broken];
    const creation = createChain({ runtime: counting, segments, cuts: [FIRST, SECOND] });
    await expect(creation).rejects.toMatchObject({ code: 'runtime-failed' });
    expect(loaded).toEqual({ ever: 2, now: 0 });
  });
});

/** The real runtime, with a count of what it holds. */
function countLoads(runtime: Runtime): { counting: Runtime; loaded: { ever: number; now: number } } {
  const loaded = { ever: 0, now: 0 };
  const counting: Runtime = {
    ...runtime,
    load: async (model) => {
      const real = await runtime.load(model);
      loaded.ever++;
      loaded.now++;
      const release = () => {
        loaded.now--;
        return real.release();
      };
      return { ...real, release };
    },
  };
  return { counting, loaded };
}

type Nodes = Parameters<typeof tinyModel>[0]['nodes'];

function segment(inputs: readonly string[], outputs: readonly string[], nodes: Nodes): ChainSegment {
  const values = inputs.map((name) => ({ name, dims: [1] }));
  return {
    inputs,
    outputs,
    bytes: tinyModel({ inputs: values, outputs, nodes }),
  };
}

function cut(id: string, position: number, names: readonly string[]): Cut {
  const tensors = names.map((name) => ({ name, type: 'float32', shape: [1] }) as const);
  return {
    id,
    position,
    depth: position / 4,
    name: names[0] ?? '',
    tensors,
    headOutputs: [],
    bytes: 4 * names.length,
  };
}

function floats(...values: number[]): Tensor {
  return { type: 'float32', dims: [values.length], data: Float32Array.from(values) };
}
