import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ocrModels } from '../../../test/support/models/ocr-models.ts';
import { randomNumbers, randomTensor } from '../../../test/support/models/random-weights.ts';
import { GraphBuilder } from '../onnx/builder.ts';
import { readModel } from '../onnx/model.ts';
import { readStructure } from './structure.ts';

const folder = mkdtempSync(join(tmpdir(), 'cutpoint-structure-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('the structure of a file', () => {
  it('is the file, but for zeros in large weights', async () => {
    const path = save('large.onnx', modelWithWeights([100, 300], [10, 10], [200, 200]));
    const [structure, file] = [await readStructure(path), readFileSync(path)];
    const holes = readModel(file).graph.initializers.flatMap(({ raw }) =>
      raw && raw.length > 1000 ? [raw] : [],
    );
    expect(holes).toHaveLength(2);
    for (const { offset, length } of holes) {
      // The page in which a hole begins may have been read along with what is before it.
      expect(structure.subarray(offset + 65_536, offset + length).every((byte) => byte === 0)).toBe(true);
      file.copy(structure, offset, offset, offset + length);
    }
    expect(Buffer.compare(structure, file)).toBe(0);
  });

  it('is the whole file where weights are in nodes', async () => {
    const { path } = ocrModels().rec;
    expect(Buffer.compare(await readStructure(path), readFileSync(path))).toBe(0);
  });

  it('is the whole file where that is no model, cut short, or empty', async () => {
    const model = modelWithWeights([100, 300]);
    for (const bytes of [new Uint8Array(200_000).fill(255), model.subarray(0, 60_000), new Uint8Array()]) {
      const path = save('broken.onnx', bytes);
      expect(Buffer.compare(await readStructure(path), bytes)).toBe(0);
    }
  });
});

function modelWithWeights(...shapes: readonly (readonly number[])[]): Uint8Array {
  const graph = new GraphBuilder('weights');
  const next = randomNumbers(1);
  graph.input('x', 'float32', ['n']);
  for (const [i, dims] of shapes.entries()) graph.initializer(`w${i}`, randomTensor(next, dims));
  graph.node('Neg', ['x'], {}, { outputs: ['y'] });
  graph.output('y');
  return graph.toBytes();
}

function save(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}
