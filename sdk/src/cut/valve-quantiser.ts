/** Quantisers of the valve graph: at a cut, what leaves there as bytes instead of floats, in runs that ask for it. */
import type { WireWriter } from '../onnx/wire-writer.ts';
import { tensorFromBytes } from '../tensor.ts';
import { type QuantisedNames, quantiseNodes, type SymbolForm } from './quantise-nodes.ts';
import type { Entry } from './valve-entry.ts';
import { type Branched, constantNode, ifNode } from './valve-if.ts';

export interface Quantiser {
  /** Scalar bool input: whether bytes are made. */
  readonly quantise: string;
  /** Tensors of floats that cross at the cut. */
  readonly tensors: readonly QuantisedValue[];
  readonly form: SymbolForm;
}

export interface QuantisedValue extends QuantisedNames {
  /** The model's name. */
  readonly name: string;
  readonly type: 'float32' | 'float16';
  /** Its place among the gate's entries. */
  readonly entry: number;
}

/** The first version of ONNX's operators for which quantise-nodes.ts writes. */
export const FIRST_QUANTISING_OPSET = 11;

/** `undefined` where no floats cross. @param prefix of all names of this cut */
export function makeQuantiser(
  entries: readonly Entry[],
  prefix: string,
  form: SymbolForm,
): Quantiser | undefined {
  const tensors = entries.flatMap(({ name, input: { type } }, entry): QuantisedValue[] => {
    if (type !== 'float32' && type !== 'float16') return [];
    const [symbols, statistics, shape] = ['symbols', 'statistics', 'shape'].map(
      (what) => `${prefix}${what}_${entry}`,
    ) as [string, string, string];
    return [{ name, type, entry, symbols, statistics, shape }];
  });
  return tensors.length === 0 ? undefined : { quantise: `${prefix}quantise`, tensors, form };
}

/** @param came the name of each entry's value as it comes from the segment before */
export function quantiserNodes(
  { quantise, tensors, form }: Quantiser,
  { came, opset }: { readonly came: readonly string[]; readonly opset: number },
): WireWriter[] {
  return tensors.map((value) =>
    ifNode(quantise, outputsOf(value, form), {
      whenTrue: (inner) => {
        const [symbols = '', statistics = '', shape = ''] = inner.map(({ name }) => name);
        const names = { symbols, statistics, shape };
        return { nodes: quantiseNodes(came[value.entry] ?? '', names, { form, opset }) };
      },
      whenFalse: (inner) => ({
        nodes: inner.map(({ name, type }) =>
          constantNode(tensorFromBytes(type, [0], new Uint8Array(0)), name),
        ),
      }),
    }),
  );
}

/** What the graph gives for a value, in the order of the If's outputs. */
export function outputsOf({ symbols, statistics, shape }: QuantisedNames, form: SymbolForm): Branched[] {
  return [
    { name: symbols, type: form === 'bytes' ? 'uint8' : 'int32' },
    { name: statistics, type: 'float32' },
    { name: shape, type: 'int64' },
  ];
}
