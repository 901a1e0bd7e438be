/** Models of a few nodes for the runtime suite. */
import { GraphBuilder } from '../onnx/builder.ts';
import type { TensorType } from '../tensor.ts';

export interface TinyModel {
  readonly inputs: readonly TinyInput[];
  /** Names alone; the runtime infers types and shapes. */
  readonly outputs: readonly string[];
  readonly nodes: readonly (readonly [op: string, inputs: readonly string[], output: string])[];
  /** A float32 weight that lies in another file. */
  readonly weight?: {
    readonly name: string;
    readonly dims: readonly number[];
    readonly location: string;
    readonly offset: number;
    readonly length: number;
  };
}

export interface TinyInput {
  readonly name: string;
  /** @default 'float32' */
  readonly type?: TensorType;
  readonly dims: readonly (number | string)[];
}

export function tinyModel({ inputs, outputs, nodes, weight }: TinyModel): Uint8Array {
  const builder = new GraphBuilder('tiny');
  for (const { name, type = 'float32', dims } of inputs) builder.input(name, type, dims);
  if (weight) builder.externalInitializer(weight.name, 'float32', weight.dims, weight);
  for (const [op, takes, gives] of nodes) builder.node(op, takes, {}, { outputs: [gives] });
  for (const name of outputs) builder.output(name);
  return builder.toBytes();
}
