/** Nodes that work along some axes and keep a split of another: norms, softmax, pooling, means, concatenation. */
import { integerAttributes } from '../onnx/node-attributes.ts';
import { evenBounds, isSameSplit } from './layout.ts';
import { fromFront, type Rule, split, WHOLE_INPUT } from './rule.ts';

const CHANNELS = 1;

/** Works along its axis and all after it, so a split before that stays. */
function alongLast(defaultAxis: number): Rule {
  return (node, context) => {
    const [x = '', ...others] = node.inputs;
    const [input, dims] = [context.layoutOf(x), context.dimsOf(x)];
    if (input.kind !== 'split' || !dims || node.outputs.filter((name) => name !== '').length !== 1)
      return undefined;
    const axis = fromFront(integerAttributes(node).get('axis')?.[0] ?? defaultAxis, dims.length);
    return input.axis < axis ? { wants: [input, ...others.map(() => WHOLE_INPUT)], makes: input } : undefined;
  };
}

/** Where no axis is said it is the last one, of old opsets the second: a split is only kept before the earlier of both. */
export const softmaxRule: Rule = alongLast(CHANNELS);
export const layerNormRule: Rule = alongLast(-1);

export const poolRule: Rule = ({ inputs, outputs }, context) => {
  const input = context.layoutOf(inputs[0] ?? '');
  const isKept = input.kind === 'split' && input.axis <= CHANNELS && outputs.length === 1;
  return isKept ? { wants: [input], makes: input } : undefined;
};

export const batchNormRule: Rule = ({ inputs, outputs }, context) => {
  const input = context.layoutOf(inputs[0] ?? '');
  if (input.kind !== 'split' || input.axis !== CHANNELS || outputs.length !== 1) return undefined;
  const perChannel = inputs.slice(1).map(() => split(0, input.bounds));
  return { wants: [input, ...perChannel], makes: input };
};

/** Axes as an attribute, dimensions kept. */
export const reduceRule: Rule = (node, context) => {
  const [x = ''] = node.inputs;
  const [input, dims] = [context.layoutOf(x), context.dimsOf(x)];
  const numbers = integerAttributes(node);
  const axes = numbers.get('axes')?.map((axis) => fromFront(axis, dims?.length ?? 0));
  if (input.kind !== 'split' || !dims || !axes || node.inputs.length !== 1) return undefined;
  const isKept = (numbers.get('keepdims')?.[0] ?? 1) === 1 && !axes.includes(input.axis);
  return isKept ? { wants: [input], makes: input } : undefined;
};

export const concatRule: Rule = (node, context) => {
  const [first, ...others] = node.inputs.map((name) => context.layoutOf(name));
  const rank = context.dimsOf(node.inputs[0] ?? '')?.length;
  if (first?.kind !== 'split' || rank === undefined) return undefined;
  const axis = fromFront(integerAttributes(node).get('axis')?.[0] ?? 0, rank);
  const isKept =
    axis !== first.axis && others.every((other) => other.kind === 'split' && isSameSplit(other, first));
  return isKept ? { wants: node.inputs.map(() => first), makes: first } : undefined;
};

/** Of a value that is split along another axis, or of a large table: places of words, by columns. */
export const sliceRule: Rule = (node, context) => {
  const [x = '', starts = '', , axesName = ''] = node.inputs;
  const dims = context.dimsOf(x);
  const count = context.dimsOf(starts)?.[0];
  if (!dims || count === undefined || node.inputs.length < 3) return undefined;
  const said =
    axesName === '' ? Array.from({ length: count }, (_, axis) => axis) : context.numbersOf(axesName);
  const axes = said?.map((axis) => fromFront(axis, dims.length));
  const [input, weight, last] = [context.layoutOf(x), context.weightOf(x), dims.length - 1];
  const isParted = weight && context.isLarge(weight) && (dims[last] ?? 0) >= context.ranks;
  const wanted = isParted ? split(last, evenBounds(dims[last] ?? 0, context.ranks)) : input;
  if (!axes || wanted.kind !== 'split' || axes.includes(wanted.axis)) return undefined;
  return { wants: [wanted, ...node.inputs.slice(1).map(() => WHOLE_INPUT)], makes: wanted };
};
