/** Records a trial for a bundle that is being made: inputs, and the outputs that the model gives here for them. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SplitError, type Tensor, type Tensors } from '@cutpoint/sdk';
import { createOrtNode, decodeNpy, encodeNpy, sampleTensor } from '@cutpoint/sdk/gateway';

export interface RecordTrialOptions {
  /** Of the bundle that is being made, with its `model.onnx`. */
  readonly folder: string;
  /** `.npy` files in the order of the model's inputs; none: made-up numbers of the shapes below. */
  readonly inputs: readonly string[];
  /** For inputs whose shape is open. */
  readonly shapes: Readonly<Record<string, readonly number[]>>;
}

/** @returns the recording's folder @throws SplitError `options-invalid` for a shape that is open, or too few inputs */
export async function recordTrial({ folder, inputs, shapes }: RecordTrialOptions): Promise<string> {
  const runtime = await createOrtNode({ threads: 1 });
  try {
    const model = await runtime.load({
      bytes: await readFile(join(folder, 'model.onnx')),
      directory: folder,
    });
    const feeds: Record<string, Tensor> = {};
    for (const [index, { name, type, shape }] of model.inputs.entries()) {
      const file = inputs[index];
      if (file !== undefined) feeds[name] = decodeNpy(await readFile(file));
      else if (inputs.length > 0) throw wrong(`input '${name}' has no file; ${inputs.length} were given`);
      else feeds[name] = sampleTensor({ type, dims: shapes[name] ?? closed(name, shape), seed: index + 1 });
    }
    const fetches = model.outputs.map(({ name }) => name);
    const { values } = await runtime.run({ models: [model], feeds, fetches });
    return await write(folder, { feeds, values, inputs: model.inputs.map(({ name }) => name), fetches });
  } finally {
    await runtime.close();
  }
}

interface Recording {
  readonly feeds: Tensors;
  readonly values: Tensors;
  readonly inputs: readonly string[];
  readonly fetches: readonly string[];
}

async function write(folder: string, { feeds, values, inputs, fetches }: Recording): Promise<string> {
  const place = await freeFolder(join(folder, 'trial'));
  const put = (name: string, tensor: Tensor | undefined) =>
    tensor && writeFile(join(place, name), encodeNpy(tensor));
  await Promise.all([
    ...inputs.map((name, index) => put(`input-${index}.npy`, feeds[name])),
    ...fetches.map((name, index) => put(`output-${index}.npy`, values[name])),
  ]);
  return place;
}

async function freeFolder(trials: string): Promise<string> {
  await mkdir(trials, { recursive: true });
  for (let number = 0; ; number++) {
    const place = join(trials, String(number));
    const isFree = await mkdir(place).then(
      () => true,
      () => false,
    );
    if (isFree) return place;
  }
}

/** With a batch of one where that is open. */
function closed(name: string, shape: readonly (number | string)[] | null): readonly number[] {
  const dims = (shape ?? []).map((dim, axis) => (typeof dim === 'number' ? dim : axis === 0 ? 1 : undefined));
  const open = dims.indexOf(undefined);
  if (open < 0) return dims as number[];
  throw wrong(`dimension ${open} of input '${name}' is open; say --shape ${name}=1,3,640,640`);
}

function wrong(what: string): SplitError {
  return new SplitError('options-invalid', what);
}
