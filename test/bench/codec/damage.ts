/** What the int8 profile does to a model's final output, at every cut, on inputs that no table was calibrated with. */
import { createCodec } from '../../../sdk/src/codec/codec.ts';
import { deflateNode } from '../../../sdk/src/codec/deflate-node.ts';
import type { CalibratedTables } from '../../../sdk/src/codec/entropy/calibrated-tables.ts';
import type { Tensor } from '../../../sdk/src/tensor.ts';
import { type Change, changeOf } from './agreement.ts';
import type { BenchModel, CutModel } from './cut-model.ts';
import { croppedInputs } from './pictures.ts';

const PROFILE = 'uint8+context';

/** @returns for each cut, in the order of `tables`, the change of each of `count` inputs */
export async function measureDamage(
  { shape }: BenchModel,
  { cuts, cross }: CutModel,
  tables: readonly CalibratedTables[],
  count: number,
): Promise<readonly Change[][]> {
  const changes: Change[][] = cuts.map(() => []);
  for (const input of await croppedInputs(shape, count)) {
    const { output, tensors } = await cross(input);
    for (const [index, { tail }] of cuts.entries()) {
      const decoded = await throughCodec(tensors[index] as Tensor, tables[index] as CalibratedTables);
      changes[index]?.push(changeOf(output, await tail(decoded)));
    }
  }
  return changes;
}

async function throughCodec(tensor: Tensor, tables: CalibratedTables): Promise<Tensor> {
  const codec = createCodec({ deflate: deflateNode(), findTables: () => tables });
  return codec.decode(await codec.encode(tensor, PROFILE, { tables }));
}
