/**
 * One block of a cut problem as a closure problem: which of its nodes to take into the head. A tensor read by several
 * nodes is an item of its own, which gains what the tensor costs once all its readers are taken: so it is paid once.
 */
import { type BlockContext, tensorsWithin } from './block-context.ts';
import { BARRED, FREE, nodeStates, TAKEN } from './block-states.ts';
import type { Charges, Closure } from './closure.ts';
import type { CutBlock } from './cut-blocks.ts';
import type { HeadMask, ProblemTensor } from './cut-problem.ts';
import type { Line } from './envelope.ts';
import type { ClosureRules } from './incidence.ts';

export interface BlockClosure {
  readonly closure: Closure;
  /** The head of the whole problem that a set of items stands for. */
  headOf(chosen: Uint8Array): HeadMask;
}

/** Undefined where no head that ends in this block is allowed. */
export function blockClosure(context: BlockContext, block: CutBlock): BlockClosure | undefined {
  const states = nodeStates(context, block);
  if (!states) return undefined;
  const nodes: number[] = [];
  const itemOf = new Int32Array(block.end - block.first).fill(-1);
  for (let node = block.first; node < block.end; node++) {
    if (states[node - block.first] !== FREE) continue;
    itemOf[node - block.first] = nodes.length;
    nodes.push(node);
  }
  return assemble(context, { block, states, nodes, itemOf });
}

interface BlockItems {
  readonly block: CutBlock;
  readonly states: Uint8Array;
  /** The free nodes: item i is `nodes[i]`. */
  readonly nodes: readonly number[];
  readonly itemOf: Int32Array;
}

function assemble(context: BlockContext, items: BlockItems): BlockClosure {
  const { block, states, nodes } = items;
  const rules = ruleList(items);
  for (const [item, node] of nodes.entries())
    for (const source of context.sources[node] ?? []) rules.add(item, source);
  const charges = chargeTensors(context, items, rules);
  const fixedMs = new Float64Array(rules.items());
  for (const [item, node] of nodes.entries()) fixedMs[item] = context.deltaMs[node] ?? 0;
  const isSaver = new Uint8Array(rules.items()).fill(1, nodes.length);
  const headOf = (chosen: Uint8Array): HeadMask => {
    const head = new Uint8Array(context.deltaMs.length).fill(1, 0, block.first);
    for (const [at, state] of states.entries()) if (state === TAKEN) head[block.first + at] = 1;
    for (const [item, node] of nodes.entries()) if (chosen[item] === 1) head[node] = 1;
    return head;
  };
  const base = baseLine(context, block, states);
  return { closure: { rules: rules.toArrays(), base, fixedMs, isSaver, charges }, headOf };
}

/** Rules among the free nodes, and the items that tensors add to them. */
interface RuleList {
  add(item: number, node: number): void;
  /** The item of a free node; -1 for others. */
  itemOf(node: number): number;
  addItem(): number;
  items(): number;
  toArrays(): ClosureRules;
}

function ruleList({ block, nodes, itemOf }: BlockItems): RuleList {
  const from: number[] = [];
  const to: number[] = [];
  let items = nodes.length;
  const find = (node: number) =>
    node < block.first || node >= block.end ? -1 : (itemOf[node - block.first] ?? -1);
  return {
    add: (item, node) => {
      const other = find(node);
      if (other < 0 || other === item) return;
      from.push(item);
      to.push(other);
    },
    itemOf: find,
    addItem: () => items++,
    items: () => items,
    toArrays: () => ({ items, from: Int32Array.from(from), to: Int32Array.from(to) }),
  };
}

function chargeTensors(context: BlockContext, items: BlockItems, rules: RuleList): Charges {
  const bytes: number[] = [];
  const payers: number[] = [];
  const savers: number[] = [];
  for (const tensor of tensorsWithin(context, items.block)) {
    const payer = rules.itemOf(tensor.producer);
    if (tensor.mustStay && payer >= 0) for (const consumer of tensor.consumers) rules.add(payer, consumer);
    const readers = readersLeft(tensor, items);
    const saver = readers ? saverOf(readers, rules) : -1;
    if (payer < 0 && saver < 0) continue;
    bytes.push(tensor.bytes);
    payers.push(payer);
    savers.push(saver);
  }
  return { bytes: Float64Array.from(bytes), payer: Int32Array.from(payers), saver: Int32Array.from(savers) };
}

/** The item that saves a tensor: its one reader, or a new item that needs all its readers. */
function saverOf(readers: readonly number[], rules: RuleList): number {
  const [only, ...others] = readers;
  if (only === undefined) return -1;
  if (others.length === 0) return rules.itemOf(only);
  const saver = rules.addItem();
  for (const reader of readers) rules.add(saver, reader);
  return saver;
}

/** The line of the head with nothing chosen: the nodes before the block, and those of it that are taken anyway. */
function baseLine(context: BlockContext, block: CutBlock, states: Uint8Array): Line {
  let { fixedMs, bytes } = context.prefixLines[block.first] ?? { fixedMs: 0, bytes: 0 };
  if (!states.includes(TAKEN)) return { fixedMs, bytes };
  const isTaken = (node: number) => node < block.first || states[node - block.first] === TAKEN;
  for (const [at, state] of states.entries())
    if (state === TAKEN) fixedMs += context.deltaMs[block.first + at] ?? 0;
  for (const { producer, consumers, bytes: size } of tensorsWithin(context, block)) {
    const isNeeded = !consumers.every(isTaken);
    // The prefix before the block counts exactly those that are made before it.
    if (producer < block.first) bytes -= isNeeded ? 0 : size;
    else if (isTaken(producer) && isNeeded) bytes += size;
  }
  return { fixedMs, bytes };
}

/** The free nodes that have to be taken before the tensor is saved; undefined where a reader never is. */
function readersLeft(
  { consumers }: ProblemTensor,
  { block, states }: BlockItems,
): readonly number[] | undefined {
  const left: number[] = [];
  for (const consumer of consumers) {
    if (consumer < block.first) continue;
    if (consumer >= block.end || states[consumer - block.first] === BARRED) return undefined;
    if (states[consumer - block.first] === FREE) left.push(consumer);
  }
  return left;
}
