/** Strategies beyond one cut: tensor-parallel ranks against the whole model, on this machine's processor. */
import { createOrtNode } from '../../../sdk/src/runtime/ort-node.ts';
import type { Suite } from '../main.ts';
import { measureRanks, RANKED_MODELS, type RankFigures } from './ranks.ts';

const RANKS = [2, 4];
const ROUNDS = 5;

export const strategiesSuite: Suite = {
  async run(progress) {
    const found: RankFigures[] = [];
    for (const architecture of RANKED_MODELS) {
      for (const ranks of RANKS) {
        const makeRuntime = () => createOrtNode({ threads: 1 });
        const figures = await measureRanks(architecture, { ranks, rounds: ROUNDS, makeRuntime });
        progress(JSON.stringify(figures));
        found.push(figures);
      }
    }
    return {
      // Of the rank that holds most, times the number of ranks: 1 is an even share.
      tensorRankMemoryRatio: Math.max(...found.map(({ memoryRatio, ranks }) => memoryRatio * ranks)),
      tensorDifference: Math.max(...found.map(({ difference }) => difference)),
    };
  },
};
