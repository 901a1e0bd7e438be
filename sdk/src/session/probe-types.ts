/** Types and shapes of all values, as far as the runtime infers them while loading: no run is needed. */
import type { TypesByName } from '../cut/legal-cuts.ts';
import { isSplitError } from '../errors.ts';
import { guessUncarried } from '../onnx/uncarried.ts';
import type { TensorInfo } from '../tensor.ts';
import { inferTypes, loadWithShapes, type Probe } from './probe.ts';

/** Loads that may be spent on finding which values the runtime cannot hand out. */
const MAX_LOADS = 32;

/**
 * Every value that is a tensor of numbers of a type we carry. Strings, sequences, optionals and numbers such as
 * bfloat16 are left out.
 */
export async function probeTypes(probe: Probe): Promise<TypesByName> {
  const found = (await infosOf(probe)).map(withPlainShape);
  const scalars = await findScalars(
    probe,
    found.filter((info) => info.shape === null).map((info) => info.name),
  );
  const settled = found.map((info) => (scalars.has(info.name) ? { ...info, shape: [] } : info));
  return new Map([...probe.inputs, ...settled].map((info) => [info.name, info]));
}

async function infosOf(probe: Probe): Promise<readonly TensorInfo[]> {
  try {
    return await outputsOf(probe, probe.made);
  } catch (error) {
    if (!isSplitError(error) || error.code !== 'runtime-failed') throw error;
    // One value of a type that has no JavaScript array fails the whole load. Is it that, or the model itself?
    await outputsOf(
      probe,
      probe.model.graph.outputs.map((output) => output.name),
    );
    const guessed = guessUncarried(probe.model.graph);
    const [likely, unlikely] = [true, false].map((is) =>
      probe.made.filter((name) => guessed.has(name) !== is),
    );
    return loadInHalves(probe, [likely ?? [], unlikely ?? []]);
  }
}

/** The values that load as outputs, found by halving lists of them; the same ones on every machine. */
async function loadInHalves(
  probe: Probe,
  lists: readonly (readonly string[])[],
): Promise<readonly TensorInfo[]> {
  const found: TensorInfo[] = [];
  const pending = [...lists];
  for (let loads = 0; loads < MAX_LOADS; loads++) {
    const names = pending.shift();
    if (!names) break;
    const infos = await outputsOf(probe, names).catch(() => undefined);
    if (infos) found.push(...infos);
    else pending.push(...halvesOf(names));
  }
  return found;
}

function halvesOf(names: readonly string[]): (readonly string[])[] {
  if (names.length < 2) return [];
  const middle = names.length >> 1;
  return [names.slice(0, middle), names.slice(middle)];
}

async function outputsOf(probe: Probe, names: readonly string[]): Promise<readonly TensorInfo[]> {
  return names.length === 0 ? [] : inferTypes(probe, names);
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
