/** Shapes that no inference finds, such as that of a Reshape to a computed shape: seen by running the model once. */
import type { TypesByName } from '../cut/legal-cuts.ts';
import { elementCount, TENSOR_TYPES, type Tensor, type TensorInfo, tensorFromBytes } from '../tensor.ts';
import { loadWithShapes, type Probe } from './probe.ts';

/** `types` with every shape known, if the shapes of all inputs are. The model runs on zeros. */
export async function measureShapes(probe: Probe, types: TypesByName): Promise<TypesByName> {
  const unknown = probe.made.filter((name) => types.has(name) && !isKnown(types.get(name)));
  if (unknown.length === 0 || !probe.inputs.every(isKnown)) return types;
  const feeds = Object.fromEntries(probe.inputs.map((input) => [input.name, zeros(input)]));
  const { loaded, outputs } = await loadWithShapes(probe, unknown);
  try {
    const { values } = await probe.runtime.run({ models: [loaded], feeds, fetches: outputs });
    const measured = unknown.flatMap((name, i) => withShape(types.get(name), values[outputs[i] ?? '']));
    return new Map([...types, ...measured.map((info) => [info.name, info] as const)]);
  } catch {
    // A model that refuses zeros can still be cut: the sizes of some cuts stay unknown.
    return types;
  } finally {
    await loaded.release();
  }
}

function isKnown(info: TensorInfo | undefined): boolean {
  return info?.shape?.every((dim) => typeof dim === 'number') ?? false;
}

function zeros({ type, shape }: TensorInfo): Tensor {
  const dims = (shape ?? []).map(Number);
  return tensorFromBytes(type, dims, new Uint8Array(elementCount(dims) * TENSOR_TYPES[type].bytes));
}

function withShape(info: TensorInfo | undefined, shape: Tensor | undefined): TensorInfo[] {
  return info && shape ? [{ ...info, shape: Array.from(shape.data, Number) }] : [];
}
