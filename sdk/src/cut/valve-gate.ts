/** Gates of the valve graph: at each cut, what goes on is what came, what enters, or both joined by rows. */
import { nodeProto } from '../onnx/node-proto.ts';
import type { WireWriter } from '../onnx/wire-writer.ts';
import type { Cut } from './cut.ts';
import { type RowTable, whyNotBatched } from './rows.ts';
import { type Entry, makeEntry } from './valve-entry.ts';
import { type Branch, type Branched, copyNode, ifNode } from './valve-if.ts';

export interface Gate {
  readonly cut: Cut;
  /** Scalar bool input: what enters goes on, and nothing of what came. */
  readonly enter: string;
  /** Only where rows can be joined. */
  readonly mixer: Mixer | undefined;
  /** Why rows cannot be joined here; undefined where they can. */
  readonly whyNotBatched: string | undefined;
  readonly entries: readonly Entry[];
  /** The names behind the gate, in the order of `entries`. */
  readonly passed: readonly string[];
}

export interface Mixer {
  /** Scalar bool input: rows that came and rows that enter go on together, in this order. Overrides `enter`. */
  readonly mix: string;
  /** int64 vector input: which of the rows that came go on. */
  readonly stay: string;
}

/** @param prefix of all names of this gate */
export function makeGate(cut: Cut, prefix: string, rows: RowTable): Gate {
  const why = whyNotBatched(cut, rows);
  return {
    cut,
    enter: `${prefix}enter`,
    mixer: why === undefined ? { mix: `${prefix}mix`, stay: `${prefix}stay` } : undefined,
    whyNotBatched: why,
    entries: cut.tensors.map((tensor, i) => makeEntry(tensor, `${prefix}entry_${i}`, rows)),
    passed: cut.tensors.map((_, i) => `${prefix}passed_${i}`),
  };
}

/** @param came the name of each entry's value as it comes from the segment before */
export function gateNode(gate: Gate, came: readonly string[]): WireWriter {
  const { enter, mixer, entries, passed } = gate;
  const pairs = entries.map((entry, i) => ({ entry, came: came[i] ?? '' }));
  const chosen = (outputs: readonly Branched[]) =>
    ifNode(enter, outputs, {
      then: each(pairs, ({ entry }, output) => [copyNode(entry.input.name, output)]),
      else: each(pairs, (pair, output) => [copyNode(pair.came, output)]),
    });
  const outputs = entries.map(({ input }, i) => ({ name: passed[i] ?? '', type: input.type }));
  if (!mixer) return chosen(outputs);
  return ifNode(mixer.mix, outputs, {
    then: each(pairs, (pair, output) => joinNodes(pair, mixer.stay, output)),
    else: (inner) => ({ nodes: [chosen(inner)] }),
  });
}

interface Pair {
  readonly entry: Entry;
  readonly came: string;
}

function each(pairs: readonly Pair[], nodes: (pair: Pair, output: string) => WireWriter[]): Branch {
  return (outputs) => ({ nodes: pairs.flatMap((pair, i) => nodes(pair, outputs[i]?.name ?? '')) });
}

/** Gather rather than Slice: any rows may stay, and it is the same in every version of ONNX. */
function joinNodes({ entry, came }: Pair, stay: string, output: string): WireWriter[] {
  const { kind, input } = entry;
  // Without rows it is the same for all that are joined.
  if (kind?.kind !== 'row') return [copyNode(came, output)];
  const { axis } = kind;
  const stayed = `${output}stay`;
  return [
    nodeProto({ opType: 'Gather', inputs: [came, stay], outputs: [stayed], attributes: { axis } }),
    nodeProto({ opType: 'Concat', inputs: [stayed, input.name], outputs: [output], attributes: { axis } }),
  ];
}
