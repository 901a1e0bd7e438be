/** What a model of the sample is fed, whoever runs it. */
import type { ImageInput, Tensors } from '@cutpoint/sdk/node';

export interface ModelInput {
  readonly feeds: Tensors;
  /** The same inputs as picture files, for those who would rather send these. Absent where there is no such file. */
  readonly images?: Readonly<Record<string, ImageInput>>;
}

/** A whole model, a split session, anything that answers with the model's outputs by name. */
export type TextModel = (input: ModelInput) => Promise<Tensors>;

/** The output of a model that has only one. */
export function onlyOutput(outputs: Tensors): {
  readonly data: Float32Array;
  readonly dims: readonly number[];
} {
  const [output, ...others] = Object.values(outputs);
  if (!output || others.length > 0 || !(output.data instanceof Float32Array)) {
    throw new Error(`expected one float32 output, received ${Object.keys(outputs).join(', ') || 'none'}`);
  }
  return { data: output.data, dims: output.dims };
}
