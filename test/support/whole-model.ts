/** A model by ONNX Runtime alone, without anything of ours: what every cut is held against. */
import { readFile } from 'node:fs/promises';
import { createOrtNode } from '@cutpoint/sdk/gateway';
import type { Tensors } from '../../sdk/src/tensor.ts';

export async function runWholeModel(
  path: string,
  { feeds, fetches }: { readonly feeds: Tensors; readonly fetches: readonly string[] },
): Promise<Tensors> {
  const runtime = await createOrtNode({ threads: 1 });
  try {
    const model = await runtime.load({ bytes: await readFile(path) });
    return (await runtime.run({ models: [model], feeds, fetches })).values;
  } finally {
    await runtime.close();
  }
}
