/**
 * Dequantisers of the valve graph: what enters at a cut as bytes becomes floats inside the graph, so that a quarter of the
 * bytes goes to the graphics processor. Every row has its own scale: rows of a batch come from different devices.
 */
import { nodeProto } from '../onnx/node-proto.ts';
import type { WireWriter } from '../onnx/wire-writer.ts';
import { TENSOR_TYPES, type TensorInfo } from '../tensor.ts';
import type { Entry } from './valve-entry.ts';
import { copyNode, ifNode } from './valve-if.ts';

export interface Dequantiser {
  /** Its place among the gate's entries. */
  readonly entry: number;
  /** Scalar bool input: whether bytes enter, and not floats. */
  readonly dequantise: string;
  /** uint8 input of the entry's shape. */
  readonly symbols: TensorInfo;
  /** float32 inputs, of the rows along their axis and 1 along all others: value = (symbol - zeroPoint) * scale. */
  readonly scale: TensorInfo;
  readonly zeroPoint: TensorInfo;
  /** Where values have rows: int64 vector input, which row of the symbols each row is; one may be taken again and again. */
  readonly take: { readonly input: TensorInfo; readonly axis: number } | undefined;
  /** The floats, wherever they came from. */
  readonly fed: string;
}

/** One for each entry of floats whose rank is known. @param prefix of all names of the gate */
export function makeDequantisers(entries: readonly Entry[], prefix: string): Dequantiser[] {
  return entries.flatMap(({ input: { type, shape }, kind }, entry): Dequantiser[] => {
    if ((type !== 'float32' && type !== 'float16') || shape === null || shape.length === 0) return [];
    const axis = kind?.kind === 'row' ? kind.axis : undefined;
    const perRow = shape.map((_, i) => (i === axis ? '' : 1));
    const name = (what: string) => `${prefix}${what}_${entry}`;
    return [
      {
        entry,
        dequantise: name('dequantise'),
        symbols: { name: name('bytes'), type: 'uint8', shape: shape.map(() => '') },
        scale: { name: name('scale'), type: 'float32', shape: perRow },
        zeroPoint: { name: name('zero_point'), type: 'float32', shape: perRow },
        take:
          axis === undefined
            ? undefined
            : { input: { name: name('take'), type: 'int64', shape: [''] }, axis },
        fed: name('fed'),
      },
    ];
  });
}

/** To take the place of the entries' inputs: the name of what is fed, by entry. */
export function fedNames(entries: readonly Entry[], dequantisers: readonly Dequantiser[]): string[] {
  return entries.map(({ input }, i) => dequantisers.find(({ entry }) => entry === i)?.fed ?? input.name);
}

export function dequantiserNodes(
  dequantisers: readonly Dequantiser[],
  entries: readonly Entry[],
): WireWriter[] {
  return dequantisers.flatMap((own) => {
    const input = entries[own.entry]?.input;
    if (input === undefined) return [];
    return [
      ifNode(own.dequantise, [{ name: own.fed, type: input.type }], {
        whenTrue: ([output]) => ({ nodes: floatsOf(own, output?.name ?? '', input.type) }),
        whenFalse: ([output]) => ({ nodes: [copyNode(input.name, output?.name ?? '')] }),
      }),
    ];
  });
}

function floatsOf(
  { symbols, scale, zeroPoint, take }: Dequantiser,
  output: string,
  type: TensorInfo['type'],
) {
  const [wide, moved, value] = ['wide', 'moved', 'value'].map((step) => `${output}${step}`) as [
    string,
    string,
    string,
  ];
  const cast = (from: string, to: string, onnx: number) =>
    nodeProto({ opType: 'Cast', inputs: [from], outputs: [to], attributes: { to: onnx } });
  const last = type === 'float32' ? output : value;
  const taken = `${output}taken`;
  return [
    ...(take
      ? [
          nodeProto({
            ...{ opType: 'Gather', inputs: [symbols.name, take.input.name], outputs: [taken] },
            attributes: { axis: take.axis },
          }),
        ]
      : []),
    cast(take ? taken : symbols.name, wide, TENSOR_TYPES.float32.onnx),
    nodeProto({ opType: 'Sub', inputs: [wide, zeroPoint.name], outputs: [moved] }),
    nodeProto({ opType: 'Mul', inputs: [moved, scale.name], outputs: [last] }),
    ...(last === output ? [] : [cast(last, output, TENSOR_TYPES[type].onnx)]),
  ];
}
