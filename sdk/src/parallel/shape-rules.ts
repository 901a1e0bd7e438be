/** Nodes that only move elements: a split follows its axis to where it goes. */
import { integerAttributes } from '../onnx/node-attributes.ts';
import { extentsOf, type SplitLayout } from './layout.ts';
import { fromFront, type Rule, split, WHOLE_INPUT } from './rule.ts';

export const transposeRule: Rule = (node, context) => {
  const [x = ''] = node.inputs;
  const [input, rank] = [context.layoutOf(x), context.dimsOf(x)?.length];
  if (input.kind !== 'split' || rank === undefined) return undefined;
  const reversed = Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
  const perm = integerAttributes(node).get('perm') ?? reversed;
  const axis = perm.indexOf(input.axis);
  return axis < 0 ? undefined : { wants: [input], makes: split(axis, input.bounds) };
};

export const flattenRule: Rule = (node, context) => {
  const [x = ''] = node.inputs;
  const [input, dims] = [context.layoutOf(x), context.dimsOf(x)];
  if (input.kind !== 'split' || !dims) return undefined;
  const at = fromFront(integerAttributes(node).get('axis')?.[0] ?? 1, dims.length);
  const made = [product(dims.slice(0, at)), product(dims.slice(at))];
  const moved = movedSplit(input, dims, made);
  return moved && { wants: [input], makes: moved };
};

/** The shape must be a weight, so that each rank can be given its own. */
export const reshapeRule: Rule = (node, context) => {
  const [x = '', shape = ''] = node.inputs;
  const [input, dims] = [context.layoutOf(x), context.dimsOf(x)];
  const [numbers, made] = [context.numbersOf(shape), context.dimsOf(node.outputs[0] ?? '')];
  if (input.kind !== 'split' || !dims || !numbers || !made || numbers.length !== made.length)
    return undefined;
  if (integerAttributes(node).get('allowzero')?.[0]) return undefined;
  const moved = movedSplit(input, dims, made);
  if (!moved) return undefined;
  const said = numbers[moved.axis] ?? 0;
  // A 0 copies the rank's own extent where the axis stays in its place, and -1 finds it.
  if (said === 0 && moved.axis !== input.axis) return undefined;
  const ofRank = extentsOf(moved.bounds).map((extent) =>
    said > 0 ? numbers.map((number, axis) => (axis === moved.axis ? extent : number)) : numbers,
  );
  return { wants: [input, { kind: 'numbers', ofRank }], makes: moved };
};

/**
 * Where a split goes when the same elements take another shape. Axes fall into groups of equal products; the split axis
 * must lead its group, and so must the one that it becomes. Undefined where parts would no longer be contiguous.
 */
export function movedSplit(
  { axis, bounds }: SplitLayout,
  from: readonly number[],
  to: readonly number[],
): SplitLayout | undefined {
  const before = product(from.slice(0, axis));
  const lead = leadAxis(to, before);
  if (lead === undefined) return undefined;
  const inner = product(from.slice(axis + 1));
  const outer = product(to.slice(lead + 1));
  const moved = bounds.map((bound) => (bound * inner) / outer);
  const fits = moved.every(Number.isInteger) && moved.at(-1) === to[lead];
  return fits ? split(lead, moved) : undefined;
}

/** The axis that has just `before` elements' worth of axes before it and is longer than 1. */
function leadAxis(dims: readonly number[], before: number): number | undefined {
  let passed = 1;
  for (const [axis, dim] of dims.entries()) {
    if (passed === before && dim !== 1) return axis;
    passed *= dim;
  }
  return undefined;
}

function product(numbers: readonly number[]): number {
  return numbers.reduce((all, number) => all * number, 1);
}

/** What only drops or adds axes of extent 1 is a reshape with known dimensions. */
export const squeezeRule: Rule = (node, context) => {
  const [x = '', ...others] = node.inputs;
  const [input, dims] = [context.layoutOf(x), context.dimsOf(x)];
  const made = context.dimsOf(node.outputs[0] ?? '');
  if (input.kind !== 'split' || !dims || !made) return undefined;
  const moved = movedSplit(input, dims, made);
  return moved && { wants: [input, ...others.map(() => WHOLE_INPUT)], makes: moved };
};
