/** Where the time goes: each kernel by itself, on one tensor. */
import { calibrateTables } from '../../../sdk/src/codec/calibrate-tables.ts';
import { gridOf } from '../../../sdk/src/codec/entropy/grid.ts';
import { loadKernels } from '../../../sdk/src/codec/kernels/wasm.ts';
import { fitAffine } from '../../../sdk/src/codec/number-format/uint8-affine.ts';
import type { Tensor } from '../../../sdk/src/tensor.ts';
import { interleave } from '../statistics.ts';

const ROUNDS = 15;

/** Milliseconds by stage, the copies into and out of the kernels' memory included. */
export async function measureStages(tensor: Tensor): Promise<Readonly<Record<string, number>>> {
  const kernels = await loadKernels();
  const { tables } = await calibrateTables([tensor], 'uint8+context', kernels);
  const values = tensor.data as Float32Array;
  const grid = gridOf(tensor.dims, tables.layout);
  const scale = fitAffine(values, { kernels }) ?? { scale: 1, zeroPoint: 0 };
  const symbols = kernels.quantise(values, scale, 255);
  const coded = kernels.encode(symbols, grid, tables);
  const variants = {
    range: timed(() => kernels.range(values)),
    quantise: timed(() => kernels.quantise(values, scale, 255)),
    encode: timed(() => kernels.encode(symbols, grid, tables)),
    decode: timed(() => kernels.decode(coded, grid, tables)),
    dequantise: timed(() => kernels.dequantise(symbols, scale)),
  };
  await interleave(variants, 3);
  return interleave(variants, ROUNDS);
}

function timed(work: () => unknown): () => Promise<number> {
  return async () => {
    const startMs = performance.now();
    work();
    return performance.now() - startMs;
  };
}
