/** Ways in which an update goes wrong, each with what must come of it. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generateSigningKeys } from '@cutpoint/sdk/bundle';
import { encodeNpy } from '@cutpoint/sdk/gateway';
import { GraphBuilder } from '../../sdk/src/onnx/builder.ts';
import type { PublishOptions } from './bundles.ts';

export interface Fault {
  readonly name: string;
  /** `installed`: it goes well all the same. Otherwise the version before stays, and this is how the report begins. */
  readonly ends: 'installed' | { readonly outcome: string; readonly reason: RegExp };
  /** How the bundle is spoiled. */
  readonly publish?: Partial<PublishOptions>;
  /** The counter is lower than the one in use. */
  readonly isDowngrade?: true;
  readonly cutsPower?: true;
  readonly losesLink?: true;
  readonly fillsDisk?: true;
}

const spoil = (file: string, change: (bytes: Buffer) => Uint8Array) => async (folder: string) => {
  const path = join(folder, file);
  await writeFile(path, change(await readFile(path)));
};

/** Every byte but one as it was. */
const flip = (bytes: Buffer) => {
  const changed = Buffer.from(bytes);
  const at = Math.floor(changed.length / 2);
  changed[at] = (changed[at] ?? 0) ^ 1;
  return changed;
};

export const FAULTS: readonly Fault[] = [
  { name: 'nothing', ends: 'installed' },
  { name: 'power cut', ends: 'installed', cutsPower: true },
  { name: 'link lost', ends: 'installed', losesLink: true },
  {
    name: 'bad digest',
    ends: { outcome: 'failed', reason: /^bundle-invalid: model\.onnx has another digest/ },
    publish: { spoilAfter: spoil('model.onnx', flip) },
  },
  {
    name: 'changed manifest',
    ends: { outcome: 'refused', reason: /^signature-invalid/ },
    publish: { spoilAfter: spoil('bundle.json', (bytes) => Buffer.concat([bytes, Buffer.from('\n')])) },
  },
  {
    name: 'a stranger’s signature',
    ends: { outcome: 'refused', reason: /^signature-invalid/ },
    publish: { signedBy: generateSigningKeys() },
  },
  {
    name: 'disk full',
    ends: { outcome: 'failed', reason: /^storage-failed: .*the disk is full/ },
    fillsDisk: true,
  },
  {
    name: 'broken model',
    ends: { outcome: 'failed', reason: /^(model-invalid|runtime-failed)/ },
    publish: { spoilBefore: spoil('model.onnx', (bytes) => bytes.subarray(0, bytes.length >> 1)) },
  },
  {
    name: 'wrong outputs',
    ends: { outcome: 'failed', reason: /^bundle-invalid: the trial's output 'output' differs/ },
    publish: {
      spoilBefore: async (folder) => {
        const wrong = Float32Array.from({ length: 10 }, (_, i) => i);
        const bytes = encodeNpy({ type: 'float32', dims: [1, 10], data: wrong });
        await writeFile(join(folder, 'trial/0/output-0.npy'), bytes);
      },
    },
  },
  {
    name: 'fails in use',
    ends: { outcome: 'rolled-back', reason: /^runtime-failed/ },
    publish: {
      spoilBefore: async (folder) => {
        await writeFile(join(folder, 'model.onnx'), oneRowModel());
        await rm(join(folder, 'trial'), { recursive: true });
      },
    },
  },
  {
    name: 'downgrade',
    ends: { outcome: 'refused', reason: /^bundle-outdated/ },
    isDowngrade: true,
  },
];

/** Takes any batch by what it declares, and only one row by what it does. */
function oneRowModel(): Uint8Array {
  const graph = new GraphBuilder('one-row');
  graph.input('input', 'float32', ['batch', 3, 32, 32]);
  graph.output('output', 'float32', ['batch', 10]);
  const shape = graph.initializer('shape', { type: 'int64', dims: [2], data: BigInt64Array.of(1n, 3072n) });
  const weights = graph.initializer('weights', {
    type: 'float32',
    dims: [3072, 10],
    data: Float32Array.from({ length: 30_720 }, (_, i) => Math.sin(i)),
  });
  const flat = graph.node('Reshape', ['input', shape]);
  graph.node('MatMul', [flat, weights], {}, { outputs: ['output'] });
  return graph.toBytes();
}
