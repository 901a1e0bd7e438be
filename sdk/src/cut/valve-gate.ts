/** Gates of the valve graph: at each cut, what goes on is what came, what enters, or both joined by rows. */
import { nodeProto } from '../onnx/node-proto.ts';
import type { WireWriter } from '../onnx/wire-writer.ts';
import type { TensorInfo } from '../tensor.ts';
import type { Cut } from './cut.ts';
import type { SymbolForm } from './quantise-nodes.ts';
import { type RowTable, whyNotBatched } from './rows.ts';
import { type Dequantiser, dequantiserNodes, fedNames, makeDequantisers } from './valve-dequantiser.ts';
import { type Entry, makeEntry, namedShape } from './valve-entry.ts';
import { type Branch, copyNode, ifNode } from './valve-if.ts';
import { makeQuantiser, type Quantiser } from './valve-quantiser.ts';

export interface Gate {
  readonly cut: Cut;
  /** Scalar bool input: what enters goes on, and nothing of what came. */
  readonly enter: string;
  /** Only where rows can be joined. */
  readonly mixer: Mixer | undefined;
  /** Why rows cannot be joined here; undefined where they can. */
  readonly whyNotBatched: string | undefined;
  readonly entries: readonly Entry[];
  /** The values behind the gate, in the order of `entries`. */
  readonly passed: readonly TensorInfo[];
  /** Where the graph was asked for one, and floats cross. */
  readonly quantiser?: Quantiser | undefined;
  /** Where the graph was asked for them, one for each entry that may come as bytes. */
  readonly dequantisers: readonly Dequantiser[];
}

export interface Mixer {
  /** Scalar bool input: rows that came and rows that enter go on together, in this order. Overrides `enter`. */
  readonly mix: string;
  /** int64 vector input: which of the rows that came go on. */
  readonly stay: string;
}

/** @param prefix of all names of this gate */
export function makeGate(
  cut: Cut,
  prefix: string,
  {
    rows,
    quantise,
    dequantise,
  }: {
    readonly rows: RowTable;
    readonly quantise?: SymbolForm | undefined;
    readonly dequantise?: boolean | undefined;
  },
): Gate {
  const why = whyNotBatched(cut, rows);
  const entries = cut.tensors.map((tensor, i) => makeEntry(tensor, `${prefix}entry_${i}`, rows));
  const passed = entries.map((entry, i): TensorInfo => {
    const shape = namedShape(entry, cut.tensors[i]?.shape ?? null, prefix);
    return { name: `${prefix}passed_${i}`, type: entry.input.type, shape };
  });
  return {
    cut,
    enter: `${prefix}enter`,
    mixer: why === undefined ? { mix: `${prefix}mix`, stay: `${prefix}stay` } : undefined,
    whyNotBatched: why,
    entries,
    passed,
    quantiser: quantise && makeQuantiser(entries, prefix, quantise),
    dequantisers: dequantise ? makeDequantisers(entries, prefix) : [],
  };
}

/**
 * One If after the other, not one inside the other: a nested If costs WebGPU more than a millisecond.
 * @param came the name of each entry's value as it comes from the segment before
 */
export function gateNodes(gate: Gate, came: readonly string[]): WireWriter[] {
  const { enter, mixer, entries, passed, dequantisers } = gate;
  const fed = fedNames(entries, dequantisers);
  const pairs = entries.map((entry, i) => ({ entry, came: came[i] ?? '', fed: fed[i] ?? '' }));
  const floats = dequantiserNodes(dequantisers, entries);
  const chosen = mixer ? passed.map((value) => ({ ...value, name: `${value.name}_chosen` })) : passed;
  const enterNode = ifNode(enter, chosen, {
    whenTrue: each(pairs, (pair, output) => [copyNode(pair.fed, output)]),
    whenFalse: each(pairs, (pair, output) => [copyNode(pair.came, output)]),
  });
  if (!mixer) return [...floats, enterNode];
  const mixNode = ifNode(mixer.mix, passed, {
    whenTrue: each(pairs, (pair, output) => joinNodes(pair, mixer.stay, output)),
    whenFalse: (outputs) => ({ nodes: chosen.map(({ name }, i) => copyNode(name, outputs[i]?.name ?? '')) }),
  });
  return [...floats, enterNode, mixNode];
}

interface Pair {
  readonly entry: Entry;
  readonly came: string;
  /** The entry's input, or the floats made of its bytes. */
  readonly fed: string;
}

function each(pairs: readonly Pair[], nodes: (pair: Pair, output: string) => WireWriter[]): Branch {
  return (outputs) => ({ nodes: pairs.flatMap((pair, i) => nodes(pair, outputs[i]?.name ?? '')) });
}

/** Gather rather than Slice: any rows may stay, and it is the same in every version of ONNX. */
function joinNodes({ entry, came, fed }: Pair, stay: string, output: string): WireWriter[] {
  const { kind } = entry;
  // Without rows it is the same for all that are joined.
  if (kind?.kind !== 'row') return [copyNode(came, output)];
  const { axis } = kind;
  const stayed = `${output}stay`;
  return [
    nodeProto({ opType: 'Gather', inputs: [came, stay], outputs: [stayed], attributes: { axis } }),
    nodeProto({ opType: 'Concat', inputs: [stayed, fed], outputs: [output], attributes: { axis } }),
  ];
}
