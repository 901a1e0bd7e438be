/**
 * Strategies beyond one cut, on this machine's processor: a full pipeline of three processes against its slowest stage,
 * tensor-parallel ranks against the whole model, both cuts of a U on a trace, and the capacity report against a real run. The flag
 * `--pipeline`, `--ranks`, `--u` or `--capacity` takes one of them alone.
 */
import { createOrtNode } from '../../../sdk/src/runtime/ort-node.ts';
import type { Suite } from '../main.ts';
import { capacityFigures } from './capacity.ts';
import { measurePipeline, PIPELINED_MODELS, type PipelineFigures } from './pipeline.ts';
import { measureRanks, RANKED_MODELS, type RankFigures } from './ranks.ts';
import { measureU, U_NETS } from './u-shape.ts';

const RANKS = [2, 4];
const ROUNDS = 5;
const PIPELINED_REQUESTS = 60;

type Progress = (text: string) => void;

export const strategiesSuite: Suite = {
  async run(progress, flags) {
    const isWanted = (part: string) => flags.includes(part) || !flags.some((flag) => PARTS.includes(flag));
    return {
      ...(isWanted('--pipeline') && (await pipelines(progress))),
      ...(isWanted('--ranks') && (await ranks(progress))),
      ...(isWanted('--u') && (await middles(progress))),
      ...(isWanted('--capacity') && (await capacityFigures(progress))),
    };
  },
};

const PARTS = ['--pipeline', '--ranks', '--u', '--capacity'];

async function pipelines(progress: Progress) {
  const found: PipelineFigures[] = [];
  for (const architecture of PIPELINED_MODELS) {
    const figures = await measurePipeline(architecture, { requests: PIPELINED_REQUESTS });
    progress(JSON.stringify(figures));
    found.push(figures);
  }
  return {
    // The worse of both models: requests a second, of what the slowest stage does a second while all of them work;
    pipelineThroughputShare: Math.min(...found.map(({ share }) => share)),
    // and of what it does a second when it has the machine for itself.
    pipelineShareOfAlone: Math.min(...found.map(({ shareOfAlone }) => shareOfAlone)),
    pipelineDifference: Math.max(...found.map(({ difference }) => difference)),
  };
}

async function ranks(progress: Progress) {
  const found: RankFigures[] = [];
  for (const architecture of RANKED_MODELS) {
    for (const count of RANKS) {
      const makeRuntime = () => createOrtNode({ threads: 1 });
      const figures = await measureRanks(architecture, { ranks: count, rounds: ROUNDS, makeRuntime });
      progress(JSON.stringify(figures));
      found.push(figures);
    }
  }
  return {
    // Of the rank that holds most, times the number of ranks: 1 is an even share.
    tensorRankMemoryRatio: Math.max(...found.map(({ memoryRatio, ranks }) => memoryRatio * ranks)),
    tensorDifference: Math.max(...found.map(({ difference }) => difference)),
  };
}

async function middles(progress: Progress) {
  const figures: Record<string, number> = {};
  for (const net of U_NETS) {
    const { firstMoves, secondMoves, overBest, overWorst, overDevice, ...others } = await measureU(
      net,
      progress,
    );
    progress(JSON.stringify({ ...others, overDevice }));
    for (const [name, value] of Object.entries({ firstMoves, secondMoves, overBest, overWorst, overDevice }))
      figures[`${net.name}${name[0]?.toUpperCase()}${name.slice(1)}`] = value;
  }
  return figures;
}
