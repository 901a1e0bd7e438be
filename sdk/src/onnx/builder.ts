/** Builds ONNX models in memory: for tests, for generated models, and for people who write graphs by hand. */
import { SplitError } from '../errors.ts';
import { elementCount, TENSOR_TYPES, type Tensor, type TensorType } from '../tensor.ts';
import type { AttributeValue, Subgraph } from './attribute.ts';
import { MODEL_FIELD, writeGraph } from './model.ts';
import { nodeProto } from './node-proto.ts';
import { type ByteRange, externalTensorProto, tensorProto } from './tensor-proto.ts';
import { untypedValueInfoBytes, valueInfoBytes } from './value-info.ts';
import { WireWriter } from './wire-writer.ts';

export interface ModelOptions {
  /** Operator set version of ONNX's own domain. @default 17 */
  readonly opset?: number;
  /** Versions of further domains, by name. */
  readonly domains?: Readonly<Record<string, number>>;
  /** @default 8 */
  readonly irVersion?: number;
}

export interface NodeOptions {
  /** Names of what it makes; one made-up name unless given. */
  readonly outputs?: readonly string[];
  readonly name?: string;
  /** @default '' (ONNX's own) */
  readonly domain?: string;
}

/** One graph under construction. Names returned by its methods are handed to later ones. */
export class GraphBuilder implements Subgraph {
  readonly #name: string;
  readonly #nodes: WireWriter[] = [];
  readonly #initializers: WireWriter[] = [];
  readonly #inputs: Uint8Array[] = [];
  readonly #outputs: Uint8Array[] = [];

  /** @param name also begins the made-up names, so give subgraphs names of their own */
  constructor(name = 'graph') {
    this.#name = name;
  }

  /** Symbolic dimensions are strings; a shape of `null` is an unknown rank. */
  input(name: string, type: TensorType, shape: readonly (number | string)[] | null): string {
    this.#inputs.push(valueInfoBytes({ name, type, shape }));
    return name;
  }

  /** Type and shape may be left out: ONNX Runtime infers them. */
  output(name: string, type?: TensorType, shape: readonly (number | string)[] | null = null): string {
    this.#outputs.push(type ? valueInfoBytes({ name, type, shape }) : untypedValueInfoBytes(name));
    return name;
  }

  /** A weight inside the model; its memory is referenced, not copied, until toBytes(). */
  initializer(name: string, tensor: Tensor): string {
    const [count, expected] = [tensor.data.length, elementCount(tensor.dims)];
    if (count !== expected) {
      throw new SplitError(
        'options-invalid',
        `initializer ${name} has ${count} values, its shape ${expected}`,
      );
    }
    this.#initializers.push(tensorProto(name, tensor));
    return name;
  }

  /** A weight in another file beside the model. */
  externalInitializer(
    name: string,
    type: TensorType,
    dims: readonly number[],
    values: ByteRange & { readonly location: string },
  ): string {
    const head = { name, dataType: TENSOR_TYPES[type].onnx, dims };
    this.#initializers.push(externalTensorProto(head, values.location, values));
    return name;
  }

  /** @returns the name of the node's first output */
  node(
    opType: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
    options: NodeOptions = {},
  ): string {
    const { outputs = [`${this.#name}/${opType}_${this.#nodes.length}`], name = outputs[0] ?? '' } = options;
    const domain = options.domain ?? '';
    this.#nodes.push(nodeProto({ opType, inputs, outputs, attributes, name, domain }));
    return outputs[0] ?? '';
  }

  /** The graph alone, as an attribute of If, Loop or Scan holds it. */
  toGraphProto(): WireWriter {
    return writeGraph({
      name: this.#name,
      nodes: this.#nodes,
      initializers: this.#initializers,
      inputs: this.#inputs,
      outputs: this.#outputs,
    });
  }

  /** The model as the bytes of an .onnx file. */
  toBytes({ opset = 17, domains = {}, irVersion = 8 }: ModelOptions = {}): Uint8Array {
    const writer = new WireWriter().int(MODEL_FIELD.irVersion, irVersion).text(2, 'cutpoint');
    for (const [domain, version] of Object.entries({ '': opset, ...domains })) {
      writer.message(MODEL_FIELD.opsetImport, new WireWriter().text(1, domain).int(2, version));
    }
    return writer.message(MODEL_FIELD.graph, this.toGraphProto()).toBytes();
  }
}
