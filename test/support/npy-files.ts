/** Files in NumPy's format, as users have their inputs in. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tensor } from '../../sdk/src/tensor.ts';

const HEADER_BYTES = 128;

const DESCRIPTIONS: Readonly<Record<string, string>> = { float32: '<f4', int64: '<i8' };

/** Float32 and int64. */
export function npyBytes({ type, data, dims }: Tensor): Uint8Array {
  const description = DESCRIPTIONS[type];
  if (description === undefined) throw new Error(`no .npy of ${type} yet`);
  const bytes = Buffer.alloc(HEADER_BYTES + data.byteLength, ' ');
  bytes.write('\x93NUMPY\x01\x00', 'latin1');
  bytes.writeUInt16LE(HEADER_BYTES - 10, 8);
  bytes.write(
    `{'descr': '${description}', 'fortran_order': False, 'shape': (${dims.join(', ')},), }`,
    10,
    'latin1',
  );
  bytes.write('\n', HEADER_BYTES - 1);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), HEADER_BYTES);
  return bytes;
}

/** One file an input, in a folder that is made. */
export async function writeInputs(folder: string, inputs: readonly Tensor[]): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [place, input] of inputs.entries())
    await writeFile(join(folder, `${String(place).padStart(3, '0')}.npy`), npyBytes(input));
}
