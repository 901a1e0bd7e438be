/** How the nodes of a block stand before anything is chosen: settled by pins and by tensors that must stay, or free. */
import type { BlockContext } from './block-context.ts';
import type { CutBlock } from './cut-blocks.ts';
import type { ProblemTensor } from './cut-problem.ts';

export const FREE = 0;
/** In the head whatever is chosen. */
export const TAKEN = 1;
/** In the cloud whatever is chosen. */
export const BARRED = 2;

/** Which nodes of the block are settled by pins and by tensors that must stay; undefined where these contradict. */
export function nodeStates(context: BlockContext, block: CutBlock): Uint8Array | undefined {
  const { pinnedToHead = [], pinnedToTail = [] } = context.problem;
  const taken: number[] = [...pinnedToHead];
  const barred: number[] = [...pinnedToTail];
  for (const { producer, consumers } of context.mustStay) {
    if (producer < block.first) taken.push(...consumers);
    else if (producer < block.end && consumers.some((consumer) => consumer >= block.end))
      barred.push(producer);
  }
  if (taken.some((node) => node >= block.end) || barred.some((node) => node < block.first)) return undefined;
  const states = new Uint8Array(block.end - block.first);
  for (const node of taken) if (node >= block.first) states[node - block.first] = TAKEN;
  return spread(context, block, { states, barred }) ? states : undefined;
}

/** Carries both marks along the rules until nothing changes. Gives whether no node has both. */
function spread(
  context: BlockContext,
  block: CutBlock,
  { states, barred }: { states: Uint8Array; barred: readonly number[] },
): boolean {
  const inside = ({ producer }: ProblemTensor) => producer >= block.first && producer < block.end;
  const rules = [...context.mustStay].filter(inside);
  const stateOf = (node: number) => states[node - block.first] ?? FREE;
  const isWithin = (node: number) => node >= block.first && node < block.end;
  for (const node of barred) {
    if (!isWithin(node)) continue;
    if (stateOf(node) === TAKEN) return false;
    states[node - block.first] = BARRED;
  }
  if (barred.length === 0 && rules.length === 0 && !states.includes(TAKEN)) return true;
  for (let isChanged = true; isChanged; ) {
    isChanged = false;
    const imply = (taker: number, needed: number): boolean => {
      if (!isWithin(taker) || !isWithin(needed)) return true;
      const [a, b] = [stateOf(taker), stateOf(needed)];
      if (a === TAKEN && b === BARRED) return false;
      if (a === TAKEN && b === FREE) states[needed - block.first] = TAKEN;
      else if (b === BARRED && a === FREE) states[taker - block.first] = BARRED;
      else return true;
      isChanged = true;
      return true;
    };
    // Downwards first: most marks settle in one pass of each direction.
    for (let node = block.end - 1; node >= block.first; node--)
      for (const source of context.sources[node] ?? []) if (!imply(node, source)) return false;
    for (let node = block.first; node < block.end; node++)
      for (const source of context.sources[node] ?? []) if (!imply(node, source)) return false;
    for (const { producer, consumers } of rules)
      for (const consumer of consumers) if (!imply(producer, consumer)) return false;
  }
  return true;
}
