/**
 * Values of element types that we do not carry, such as bfloat16 or float8. A guess by operators alone: it says where
 * to look first, and the runtime has the last word.
 */
import { constantTensor } from './constant.ts';
import type { OnnxGraph, OnnxNode } from './graph-proto.ts';
import { tensorTypeOf } from './tensor-proto.ts';
import { contentOf, fieldsOf, integerOf, type Span, textOf } from './wire-reader.ts';

/** Names of values, weights among them, that are probably of such a type. */
export function guessUncarried(graph: OnnxGraph): ReadonlySet<string> {
  const guessed = new Set(
    graph.initializers.filter(({ dataType }) => !tensorTypeOf(dataType)).map(({ name }) => name),
  );
  for (const node of graph.nodes) {
    if (isUncarried(node, guessed)) for (const name of node.outputs) guessed.add(name);
  }
  return guessed;
}

function isUncarried(node: OnnxNode, guessed: ReadonlySet<string>): boolean {
  const isGuessed = (input: number) => guessed.has(node.inputs[input] ?? '');
  switch (node.opType) {
    case 'Constant':
      return !tensorTypeOf(constantTensor(node)?.dataType ?? 1);
    case 'Cast':
      return !tensorTypeOf(integerAttribute(node, 'to') ?? 1);
    case 'CastLike':
    case 'DequantizeLinear':
      return isGuessed(1);
    case 'QuantizeLinear':
      return isGuessed(2) || !tensorTypeOf(integerAttribute(node, 'output_dtype') || 1);
    default:
      return node.inputs.some((_, input) => isGuessed(input));
  }
}

function integerAttribute({ span }: OnnxNode, name: string): number | undefined {
  const attributes = 5;
  for (const field of fieldsOf(span)) {
    const value = field.number === attributes ? integerNamed(contentOf(field), name) : undefined;
    if (value !== undefined) return value;
  }
  return undefined;
}

function integerNamed(attribute: Span, wanted: string): number | undefined {
  let [name, value]: [string, number | undefined] = ['', undefined];
  for (const field of fieldsOf(attribute)) {
    if (field.number === 1) name = textOf(field);
    else if (field.number === 3) value = integerOf(field);
  }
  return name === wanted ? value : undefined;
}
