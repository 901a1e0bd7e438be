import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSplitError } from '../errors.ts';
import { GraphBuilder } from './builder.ts';
import { readModel } from './model.ts';
import { WireWriter } from './wire-writer.ts';

describe('readModel on hostile bytes', () => {
  const valid = sampleModel();

  it('names the byte at which a cut-off file ends', () => {
    for (let length = 0; length < valid.length; length++) {
      const error = errorOf(() => readModel(valid.subarray(0, length)));
      expect(error).toMatchObject({ code: 'model-invalid' });
      expect(String(error)).toMatch(/at byte \d+/);
    }
  });

  it('gives a model or model-invalid for any mutation', () => {
    const mutation = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(mutation, (changes) => {
        const bytes = valid.slice();
        for (const [at, byte] of changes) bytes[at] = byte;
        expectModelOrTypedError(bytes);
      }),
      { numRuns: 3000 },
    );
  });

  it('gives a model or model-invalid for random bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), expectModelOrTypedError), { numRuns: 3000 });
  });

  it.each([
    ['a number of eleven bytes', [0x08, ...Array(10).fill(0xff), 1], 'more than ten bytes'],
    ['a length beyond the end', [0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f], 'claims 4294967295 bytes'],
    ['a negative length', [0x3a, ...Array(9).fill(0xff), 1], 'claims -1 bytes'],
    ['a group', [0x3b, 0x3c], 'wire type 3'],
    ['field number zero', [0x00, 0x01], 'field number 0'],
    ['a graph that is a number', [0x38, 0x01], 'field 7 has wire type 0'],
    ['two graphs', [0x3a, 0, 0x3a, 0], 'second graph at byte 2'],
    ['text that is not UTF-8', [0x3a, 3, 0x12, 1, 0xff], 'not UTF-8 at byte 4'],
    ['no graph', [0x08, 0x08], 'no graph'],
    ['nothing', [], 'no graph'],
  ])('refuses %s', (_, bytes, message) => {
    const error = errorOf(() => readModel(Uint8Array.from(bytes)));
    expect(error).toMatchObject({ code: 'model-invalid' });
    expect(String(error)).toContain(message);
  });

  it('refuses subgraphs nested without end', () => {
    let graph = new WireWriter();
    for (let depth = 0; depth < 2000; depth++) {
      const attribute = new WireWriter().message(6, graph);
      graph = new WireWriter().message(1, new WireWriter().message(5, attribute));
    }
    const error = errorOf(() => readModel(new WireWriter().message(7, graph).toBytes()));
    expect(String(error)).toContain('nested deeper than');
  });

  it('refuses a tensor of a million dimensions', () => {
    const tensor = new WireWriter().bytes(1, new Uint8Array(1e6));
    const bytes = new WireWriter().message(7, new WireWriter().message(5, tensor)).toBytes();
    expect(String(errorOf(() => readModel(bytes)))).toContain('more than 64');
  });
});

function sampleModel(): Uint8Array {
  const branch = new GraphBuilder('branch');
  branch.output(branch.node('Relu', ['x']));
  const graph = new GraphBuilder('sample');
  graph.input('x', 'float32', ['batch', 4]);
  graph.initializer('w', { type: 'float32', data: Float32Array.of(1, 2, 3, 4), dims: [4] });
  graph.node('Mul', ['x', 'w'], { axis: -1, epsilon: { float: 0.5 } }, { outputs: ['y'] });
  graph.node(
    'If',
    ['y'],
    { then_branch: { graph: branch }, else_branch: { graph: branch } },
    { outputs: ['z'] },
  );
  graph.output('z', 'float32', ['batch', 4]);
  return graph.toBytes();
}

function errorOf(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

function expectModelOrTypedError(bytes: Uint8Array): void {
  try {
    expect(readModel(bytes).graph.nodes.length).toBeLessThanOrEqual(bytes.length);
  } catch (error) {
    if (!isSplitError(error)) throw error;
    expect(error.code).toBe('model-invalid');
  }
}
