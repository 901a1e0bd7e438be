/**
 * Shard plans: a model as levels that N ranks compute side by side, with collectives between the levels. Walks the graph
 * once, in order; where no rule parts a node, every rank computes it whole.
 */
import type { TypesByName } from '../cut/legal-cuts.ts';
import { SplitError } from '../errors.ts';
import { type Graph, isWeight } from '../onnx/graph.ts';
import { type OnnxNode, readNames } from '../onnx/graph-proto.ts';
import type { SplitLayout } from './layout.ts';
import type { Decision, Want } from './rule.ts';
import { RULES } from './rules.ts';
import { shardContext } from './shard-context.ts';
import { createShardValues, type ShardValues } from './shard-values.ts';

export interface ShardOptions {
  /** How many ranks, 2 to 64. */
  readonly ranks: number;
  /** Types at the shapes that are fed; where a dimension is open, less is parted. */
  readonly sizedTypes: TypesByName;
  /** Smaller weights stay whole unless what they meet is split already. @default 65536 */
  readonly minSplitBytes?: number | undefined;
}

/** What a rank reads under a name of its own. */
export type LocalInput =
  | { readonly kind: 'value'; readonly name: string }
  /** A part of a weight. */
  | { readonly kind: 'weight'; readonly weight: string; readonly part: SplitLayout }
  /** A part of a value that the rank has whole, cut out where it is read. */
  | { readonly kind: 'slice'; readonly of: string; readonly part: SplitLayout }
  | { readonly kind: 'numbers'; readonly ofRank: readonly (readonly number[])[] }
  /** On the first rank the value; on the others it is left out. */
  | { readonly kind: 'first-rank'; readonly name: string };

export interface ShardNode {
  readonly node: OnnxNode;
  /** Every rank computes it as it stands in the file; `inputs` are all that it reads, captures included. */
  readonly isWhole: boolean;
  readonly inputs: readonly LocalInput[];
  readonly outputs: readonly string[];
  readonly integers?: Decision['integers'];
}

/** Makes `to` whole on every rank out of what each has as `from`. */
export interface Collective {
  readonly kind: 'all-gather' | 'all-reduce';
  readonly from: string;
  readonly to: string;
  /** Of an all-gather. */
  readonly axis: number;
}

export interface ShardLevel {
  readonly nodes: readonly ShardNode[];
  /** After the nodes. */
  readonly collectives: readonly Collective[];
}

export interface ShardPlan {
  readonly ranks: number;
  readonly levels: readonly ShardLevel[];
  /** Of the graph; whole on every rank in the end. */
  readonly outputs: readonly string[];
  /** How values with names of the plan's own are held; all others are whole. */
  readonly parts: ShardValues['parts'];
}

/** @throws SplitError `options-invalid` for an impossible number of ranks */
export function planShards(graph: Graph, options: ShardOptions): ShardPlan {
  const { ranks } = options;
  if (!Number.isInteger(ranks) || ranks < 2 || ranks > 64)
    throw new SplitError('options-invalid', `ranks is ${ranks}; it must be a whole number from 2 to 64`);
  const values = createShardValues(graph);
  const context = shardContext(graph, values, options);
  for (const node of graph.nodes) {
    const rule = node.domain === '' && !node.hasSubgraph ? RULES.get(node.opType) : undefined;
    const decision = rule?.(node, context);
    if (decision) placeParted(node, decision, values);
    else
      values.place(
        node,
        readNames(node).map((name) => values.whole(name)),
      );
  }
  for (const { name } of graph.outputs) if (!isWeight(graph, name)) values.whole(name);
  return {
    ranks,
    levels: values.levels(),
    outputs: graph.outputs.map(({ name }) => name),
    parts: values.parts,
  };
}

function placeParted(node: OnnxNode, { wants, makes, integers }: Decision, values: ShardValues): void {
  const inputs = node.inputs.map((name, i) => values.wanted(name, wants[i] as Want));
  values.place(node, inputs, { makes, integers });
}
