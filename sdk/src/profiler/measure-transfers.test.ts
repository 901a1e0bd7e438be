import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../clock.ts';
import { createCodec } from '../codec/codec.ts';
import { deflateNode } from '../codec/deflate-node.ts';
import { GraphBuilder } from '../onnx/builder.ts';
import { createOrtNode } from '../runtime/ort-node.ts';
import { openExecutor } from '../session/open-executor.ts';
import { openModel } from '../session/open-model.ts';
import { memorySource } from '../source/memory.ts';
import type { Tensor } from '../tensor.ts';
import { measureTransfers, REPLY_PROFILE } from './measure-transfers.ts';

/** A large output early, a small one at the end. */
function twoOutputs(): Uint8Array {
  const graph = new GraphBuilder('two');
  graph.input('input', 'float32', [1, 4096]);
  graph.output('early', 'float32', [1, 4096]);
  graph.output('late', 'float32', [1, 1]);
  graph.node('Sigmoid', ['input'], {}, { outputs: ['early'] });
  const peak = graph.node('ReduceMax', ['early'], { axes: [1] });
  graph.node('Tanh', [graph.node('Exp', [peak])], {}, { outputs: ['late'] });
  return graph.toBytes();
}

describe('what comes back', () => {
  it('is less from a cut whose head has made some of the outputs', async () => {
    const runtime = await createOrtNode({ threads: 1 });
    onTestFinished(() => runtime.close());
    const model = await openModel(memorySource(twoOutputs()), runtime, { inputShapes: { input: [1, 4096] } });
    const [inputCut] = model.cuts;
    const inner = model.cuts.filter(({ depth }) => depth > 0 && depth < 1);
    if (inputCut === undefined) throw new Error('no cut before the first node');
    const behind = inner.filter(({ headOutputs }) => headOutputs.includes('early'));
    expect(behind.length).toBeGreaterThan(0);
    const executor = await openExecutor(model, inner, runtime, { kind: 'separate' });
    onTestFinished(() => executor.close());
    const codec = createCodec({ deflate: deflateNode() });
    const data = Float32Array.from({ length: 4096 }, (_, i) => Math.sin(i));
    const { reply, cutReplies } = await measureTransfers({
      ...{ executor, codec, clock: systemClock(), inputCut, fetches: ['early', 'late'] },
      ...{ inputs: [{ input: { type: 'float32', data, dims: [1, 4096] } as Tensor }], profiles: ['float32'] },
    });
    expect([...cutReplies.keys()].toSorted()).toEqual(behind.map(({ id }) => id).toSorted());
    const late = await codec.encode(
      { type: 'float32', data: new Float32Array([0.5]), dims: [1, 1] },
      REPLY_PROFILE,
    );
    for (const own of cutReplies.values()) expect(own.bytes).toBe(late.length);
    expect(reply.bytes).toBeGreaterThan(100 * late.length);
  });
});
