/**
 * The values of a plan in the making: how the ranks hold each, at which level it is there, and which collectives and
 * slices bring it into the form that a node wants. A value that is needed whole is made whole once.
 */
import { freshPrefix } from '../cut/fresh-names.ts';
import type { Graph } from '../onnx/graph.ts';
import { isWeight } from '../onnx/graph.ts';
import type { OnnxNode } from '../onnx/graph-proto.ts';
import { isSameSplit, type Layout, WHOLE } from './layout.ts';
import type { Want } from './rule.ts';
import type { Collective, LocalInput, ShardLevel, ShardNode } from './shard-plan.ts';

interface Held {
  readonly layout: Layout;
  /** The name of what each rank has: the value's own where that is all of it. */
  readonly local: string;
  readonly level: number;
}

export interface ShardValues {
  readonly parts: ReadonlyMap<string, { readonly of: string; readonly layout: Layout }>;
  layoutOf(name: string): Layout;
  whole(name: string): LocalInput;
  wanted(name: string, want: Want): LocalInput;
  place(
    node: OnnxNode,
    inputs: readonly LocalInput[],
    parted?: { readonly makes: Layout; readonly integers?: ShardNode['integers'] },
  ): void;
  levels(): readonly ShardLevel[];
}

export function createShardValues(graph: Graph): ShardValues {
  const prefix = freshPrefix(graph);
  const held = new Map<string, Held>();
  const parts = new Map<string, { readonly of: string; readonly layout: Layout }>();
  /** From which level on a name can be read, the names of parts included. */
  const readable = new Map<string, number>();
  const levels: { nodes: ShardNode[]; collectives: Collective[] }[] = [];
  for (const { name } of graph.inputs) hold(name, { layout: WHOLE, local: name, level: 0 });

  function hold(name: string, value: Held): void {
    held.set(name, value);
    readable.set(value.local, value.level);
    if (value.layout.kind !== 'whole') parts.set(value.local, { of: name, layout: value.layout });
  }

  function levelAt(index: number) {
    while (levels.length <= index) levels.push({ nodes: [], collectives: [] });
    return levels[index] as (typeof levels)[number];
  }

  /** After the level in which the parts are made. */
  function whole(name: string): LocalInput {
    const value = held.get(name);
    if (value && value.layout.kind !== 'whole' && !readable.has(name)) {
      const { layout, local: from, level } = value;
      const kind = layout.kind === 'split' ? 'all-gather' : 'all-reduce';
      const axis = layout.kind === 'split' ? layout.axis : 0;
      levelAt(level).collectives.push({ kind, from, to: name, axis });
      readable.set(name, level + 1);
    }
    return { kind: 'value', name };
  }

  function wanted(name: string, want: Want): LocalInput {
    if (want.kind === 'numbers') return want;
    if (name === '' || want.kind === 'whole') return whole(name);
    if (want.kind === 'first-rank') {
      whole(name);
      return { kind: 'first-rank', name };
    }
    const value = held.get(name);
    if (value?.layout.kind === 'split' && isSameSplit(value.layout, want))
      return { kind: 'value', name: value.local };
    if (graph.initializers.has(name)) return { kind: 'weight', weight: name, part: want };
    whole(name);
    return { kind: 'slice', of: name, part: want };
  }

  function levelOf(input: LocalInput): number {
    if (input.kind === 'value' || input.kind === 'first-rank') return readable.get(input.name) ?? 0;
    return input.kind === 'slice' ? (readable.get(input.of) ?? 0) : 0;
  }

  return {
    parts,
    layoutOf: (name) => held.get(name)?.layout ?? WHOLE,
    whole,
    wanted,
    place: (node, inputs, parted) => {
      const { makes = WHOLE, integers } = parted ?? {};
      const level = Math.max(0, ...inputs.map(levelOf));
      const outputs = node.outputs.map((name) => {
        if (name === '') return '';
        const local = makes.kind === 'whole' ? name : `${prefix}part_${parts.size}`;
        hold(name, { layout: makes, local, level });
        return local;
      });
      levelAt(level).nodes.push({ node, isWhole: !parted, inputs, outputs, ...(integers && { integers }) });
    },
    levels: () => levels.filter(({ nodes, collectives }) => nodes.length + collectives.length > 0),
  };
}

/** Names that a node reads and that are values, not weights. */
export function valueReads(graph: Graph, { inputs }: Pick<ShardNode, 'inputs'>): readonly string[] {
  const names = inputs.flatMap((input) => {
    if (input.kind === 'value' || input.kind === 'first-rank') return input.name;
    return input.kind === 'slice' ? input.of : [];
  });
  return names.filter((name) => name !== '' && !isWeight(graph, name));
}
