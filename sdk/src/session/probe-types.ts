/** Types and shapes of all values, as far as the runtime infers them while loading: no run is needed. */
import type { TypesByName } from '../cut/legal-cuts.ts';
import type { TensorInfo } from '../tensor.ts';
import { loadWithOutputs, loadWithShapes, type Probe } from './probe.ts';

/** Every value that is a tensor of numbers. Strings, sequences and optionals are left out. */
export async function probeTypes(probe: Probe): Promise<TypesByName> {
  const loaded = await loadWithOutputs(probe, probe.made);
  await loaded.release();
  const found = loaded.outputs.map(withPlainShape);
  const scalars = await findScalars(
    probe,
    found.filter((info) => info.shape === null).map((info) => info.name),
  );
  const settled = found.map((info) => (scalars.has(info.name) ? { ...info, shape: [] } : info));
  return new Map([...probe.inputs, ...settled].map((info) => [info.name, info]));
}

// The runtime reports a scalar and an unknown rank alike, as []. The length of its Shape tells them apart.
async function findScalars(probe: Probe, unclear: readonly string[]): Promise<ReadonlySet<string>> {
  if (unclear.length === 0) return new Set();
  const { loaded, outputs } = await loadWithShapes(probe, unclear);
  await loaded.release();
  const rankOf = new Map(loaded.outputs.map((info) => [info.name, info.shape?.[0]]));
  return new Set(unclear.filter((_, i) => rankOf.get(outputs[i] ?? '') === 0));
}

function withPlainShape(info: TensorInfo): TensorInfo {
  if (!info.shape || info.shape.length === 0) return { ...info, shape: null };
  return { ...info, shape: info.shape.map((dim) => (typeof dim === 'number' && dim < 0 ? '' : dim)) };
}
