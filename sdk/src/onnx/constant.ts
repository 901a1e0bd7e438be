/** Constants: nodes that compute the same on every run. They are weights, not activations. */
import { type OnnxNode, readNames } from './graph-proto.ts';
import { type OnnxTensor, readTensor } from './tensor-proto.ts';
import { contentOf, type Field, fieldsOf, type Span, textOf } from './wire-reader.ts';

// A node outside these domains may be a function of the model that draws random numbers.
const KNOWN_DOMAINS: ReadonlySet<string> = new Set(['', 'ai.onnx', 'ai.onnx.ml', 'com.microsoft']);
const RANDOM_OPS: ReadonlySet<string> = new Set(['Bernoulli', 'Dropout', 'Multinomial']);

/** Whether a node yields the same on every run, given the names that do. */
export function isConstantNode(node: OnnxNode, isConstant: (name: string) => boolean): boolean {
  return isDeterministic(node) && readNames(node).every(isConstant);
}

function isDeterministic({ opType, domain, hasSubgraph }: OnnxNode): boolean {
  const isRandom = opType.startsWith('Random') || RANDOM_OPS.has(opType);
  return !isRandom && !hasSubgraph && KNOWN_DOMAINS.has(domain);
}

/** The tensor that a Constant node holds in its attribute `value`, under the node's output name. */
export function constantTensor(node: OnnxNode): OnnxTensor | undefined {
  const [output] = node.outputs;
  if (node.opType !== 'Constant' || node.domain !== '' || !output) return undefined;
  const attributeField = 5;
  for (const field of fieldsOf(node.span)) {
    const value = field.number === attributeField ? tensorOfAttribute(contentOf(field)) : undefined;
    if (value) return { ...readTensor(value), name: output };
  }
  return undefined;
}

function tensorOfAttribute(attribute: Span): Span | undefined {
  let name = '';
  let tensor: Field | undefined;
  for (const field of fieldsOf(attribute)) {
    if (field.number === 1) name = textOf(field);
    else if (field.number === 5) tensor = field;
  }
  return name === 'value' && tensor ? contentOf(tensor) : undefined;
}
