/** Nodes that compute each element by itself keep a split; what they read beside it is parted likewise. */
import { isSameSplit, type SplitLayout } from './layout.ts';
import { type Rule, type RuleContext, split, type Want, WHOLE_INPUT } from './rule.ts';

export const ELEMENTWISE: readonly string[] = [
  ...['Add', 'Sub', 'Mul', 'Div', 'Pow', 'Max', 'Min', 'PRelu', 'Clip', 'Where', 'Equal', 'Greater', 'Less'],
  ...[
    'Abs',
    'Cast',
    'Ceil',
    'Elu',
    'Erf',
    'Exp',
    'Floor',
    'Gelu',
    'HardSigmoid',
    'HardSwish',
    'Identity',
    'LeakyRelu',
  ],
  ...[
    'Log',
    'Mish',
    'Neg',
    'Not',
    'Reciprocal',
    'Relu',
    'Round',
    'Selu',
    'Sigmoid',
    'Sign',
    'Softplus',
    'Softsign',
  ],
  ...['Sqrt', 'Tanh', 'ThresholdedRelu'],
];

export const elementwiseRule: Rule = (node, context) => {
  const target = targetOf(node.inputs, context);
  if (!target || node.outputs.length !== 1) return undefined;
  const wants = node.inputs.map((name) => wantOf(name, target, context));
  if (wants.includes(undefined)) return undefined;
  return { wants: wants as Want[], makes: split(target.layout.axis, target.layout.bounds) };
};

interface Target {
  readonly layout: SplitLayout;
  /** Dimensions of what is made. */
  readonly rank: number;
}

/** How the output is split: as the first input that is split, its axis counted from the end. */
function targetOf(inputs: readonly string[], context: RuleContext): Target | undefined {
  const dims = inputs.filter((name) => name !== '').map((name) => context.dimsOf(name));
  const rank = Math.max(...dims.map((one) => one?.length ?? Number.POSITIVE_INFINITY));
  if (!Number.isFinite(rank)) return undefined;
  for (const name of inputs) {
    const layout = name === '' ? undefined : context.layoutOf(name);
    if (layout?.kind !== 'split') continue;
    const shift = rank - (context.dimsOf(name)?.length ?? rank);
    return { rank, layout: split(layout.axis + shift, layout.bounds) };
  }
  return undefined;
}

/** Undefined where the input cannot be brought beside the target. */
function wantOf(name: string, { layout, rank }: Target, context: RuleContext): Want | undefined {
  if (name === '') return WHOLE_INPUT;
  const dims = context.dimsOf(name) ?? [];
  const axis = layout.axis - (rank - dims.length);
  const own = context.layoutOf(name);
  const isBroadcast = axis < 0 || dims[axis] === 1;
  if (isBroadcast) return own.kind === 'whole' ? WHOLE_INPUT : undefined;
  if (Number.isNaN(dims[axis])) return undefined;
  const wanted = split(axis, layout.bounds);
  return own.kind === 'whole' || isSameSplit(own, wanted) ? wanted : undefined;
}
