/** Products: MatMul, Gemm, Conv, and Gather from a table. Here weights are parted. */
import { integerAttributes } from '../onnx/node-attributes.ts';
import type { OnnxTensor } from '../onnx/tensor-proto.ts';
import { evenBounds, extentsOf, PARTIAL, scaledBounds } from './layout.ts';
import { fromFront, type Rule, type RuleContext, split, type Want, WHOLE_INPUT } from './rule.ts';

const CHANNELS = 1;

/** `[…, m, k] × [k, n]`: by columns where the input is whole, by rows where its last axis is split. */
export const matMulRule: Rule = (node, context) => {
  const [a = '', b = ''] = node.inputs;
  const weight = context.weightOf(b);
  if (!weight) return batchedRule(node, context);
  const [input, dims] = [context.layoutOf(a), context.dimsOf(a)];
  if (weight.dims.length !== 2 || !dims || dims.length < 2) return undefined;
  const last = dims.length - 1;
  if (input.kind === 'split' && input.axis === last)
    return { wants: [input, split(0, input.bounds)], makes: PARTIAL };
  const bounds = columnBounds(weight, 1, context);
  return bounds && { wants: [WHOLE_INPUT, split(1, bounds)], makes: split(last, bounds) };
};

/** Both factors are activations, split along the same axis of the batch: heads of attention. */
const batchedRule: Rule = ({ inputs }, context) => {
  const [a = '', b = ''] = inputs;
  const [left, right] = [context.layoutOf(a), context.layoutOf(b)];
  const rank = context.dimsOf(a)?.length;
  if (left.kind !== 'split' || right.kind !== 'split' || rank === undefined) return undefined;
  const isBatch = left.axis < rank - 2 && left.axis === right.axis && rank === context.dimsOf(b)?.length;
  const isSame = left.bounds.every((bound, i) => bound === right.bounds[i]);
  return isBatch && isSame ? { wants: [left, right], makes: left } : undefined;
};

export const gemmRule: Rule = (node, context) => {
  const [a = '', b = '', c = ''] = node.inputs;
  const numbers = integerAttributes(node);
  const weight = context.weightOf(b);
  if (weight?.dims.length !== 2 || numbers.get('transA')?.[0]) return undefined;
  const columns = numbers.get('transB')?.[0] ? 0 : 1;
  const input = context.layoutOf(a);
  const withBias = (want: Want) => (c === '' ? [] : [want]);
  if (input.kind === 'split' && input.axis === 1) {
    const wants = [input, split(1 - columns, input.bounds), ...withBias({ kind: 'first-rank' })];
    return { wants, makes: PARTIAL };
  }
  const bounds = columnBounds(weight, columns, context);
  if (!bounds) return undefined;
  const biasDims = context.dimsOf(c);
  if (c !== '' && (!biasDims || biasDims.some(Number.isNaN))) return undefined;
  const isScalar = (biasDims?.at(-1) ?? 1) === 1;
  const bias = isScalar ? WHOLE_INPUT : split((biasDims?.length ?? 1) - 1, bounds);
  return { wants: [WHOLE_INPUT, split(columns, bounds), ...withBias(bias)], makes: split(1, bounds) };
};

export const convRule: Rule = (node, context) => {
  const [x = '', w = '', b = ''] = node.inputs;
  const weight = context.weightOf(w);
  if (!weight || weight.dims.length < 3) return undefined;
  const groups = integerAttributes(node).get('group')?.[0] ?? 1;
  const withBias = (want: Want) => (b === '' ? [] : [want]);
  if (groups > 1) return groupedConv({ weight, groups, input: x, withBias }, context);
  const input = context.layoutOf(x);
  if (input.kind === 'split' && input.axis === CHANNELS) {
    const wants = [input, split(1, input.bounds), ...withBias({ kind: 'first-rank' })];
    return { wants, makes: PARTIAL };
  }
  const bounds = columnBounds(weight, 0, context);
  if (!bounds) return undefined;
  return {
    wants: [WHOLE_INPUT, split(0, bounds), ...withBias(split(0, bounds))],
    makes: split(CHANNELS, bounds),
  };
};

/** Each rank has whole groups: of a depthwise convolution, channels. */
function groupedConv(
  conv: {
    readonly weight: OnnxTensor;
    readonly groups: number;
    readonly input: string;
    withBias(want: Want): readonly Want[];
  },
  context: RuleContext,
): ReturnType<Rule> {
  const { weight, groups, withBias } = conv;
  const [outChannels = 0, inPerGroup = 0] = weight.dims;
  const input = context.layoutOf(conv.input);
  const isSplit = input.kind === 'split' && input.axis === CHANNELS;
  if (groups < context.ranks || (!isSplit && !context.isLarge(weight))) return undefined;
  const given = isSplit ? input.bounds.map((bound) => bound / inPerGroup) : evenBounds(groups, context.ranks);
  if (!given.every(Number.isInteger)) return undefined;
  const outBounds = scaledBounds(given, outChannels / groups);
  const wants = [
    split(CHANNELS, scaledBounds(given, inPerGroup)),
    split(0, outBounds),
    ...withBias(split(0, outBounds)),
  ];
  return { wants, makes: split(CHANNELS, outBounds), integers: { group: extentsOf(given) } };
}

/** Rows of a table of embeddings, by columns. */
export const gatherRule: Rule = (node, context) => {
  const [table = '', indices = ''] = node.inputs;
  const [weight, dims] = [context.weightOf(table), context.dimsOf(indices)];
  if (weight?.dims.length !== 2 || !dims) return undefined;
  if (fromFront(integerAttributes(node).get('axis')?.[0] ?? 0, 2) !== 0) return undefined;
  const bounds = columnBounds(weight, 1, context);
  return bounds && { wants: [split(1, bounds), WHOLE_INPUT], makes: split(dims.length, bounds) };
};

/** Undefined where parting is not worth it, or would leave a rank without any. */
function columnBounds(weight: OnnxTensor, axis: number, context: RuleContext): readonly number[] | undefined {
  const extent = weight.dims[axis] ?? 0;
  if (extent < context.ranks || !context.isLarge(weight)) return undefined;
  return evenBounds(extent, context.ranks);
}
