/** Tensor-parallel ranks against one runtime on the whole model: difference, memory for weights, time. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRankGroup } from '../../../sdk/src/parallel/rank-group.ts';
import { writeShards } from '../../../sdk/src/parallel/shard-files.ts';
import { planShards } from '../../../sdk/src/parallel/shard-plan.ts';
import type { Runtime } from '../../../sdk/src/runtime/runtime.ts';
import { openModel } from '../../../sdk/src/session/open-model.ts';
import { fileSource } from '../../../sdk/src/source/file.ts';
import { compareOutputs } from '../../../sdk/src/verify/compare.ts';
import type { Architecture } from '../../support/models/architecture.ts';
import { architectureFeeds, architectureShapes } from '../../support/models/architecture-feeds.ts';
import { ARCHITECTURES } from '../../support/models/architectures.ts';
import { interleaveAll, median } from '../statistics.ts';

/** One with attention, one with a huge matrix, one of convolutions. */
export const RANKED_MODELS: readonly Architecture[] = ['BERT-base', 'VGG-16', 'ResNet-50'].map(
  (name) => ARCHITECTURES.find((one) => one.name === name) as Architecture,
);

export interface RankFigures {
  readonly model: string;
  readonly ranks: number;
  /** Relative to the largest value of the whole model's output. */
  readonly difference: number;
  /** Weights of the rank that holds most, to all weights. */
  readonly memoryRatio: number;
  readonly collectives: number;
  /** One runtime on the whole model, in milliseconds. */
  readonly wholeMs: number;
  /** Slowest rank of each level, summed: what ranks on machines of their own would compute. */
  readonly ranksMs: number;
  /** From feeds to outputs, with collectives and hand-overs. */
  readonly groupMs: number;
}

export interface RanksOptions {
  readonly ranks: number;
  readonly rounds: number;
  /** @default 1, the real width */
  readonly scale?: number;
  makeRuntime(rank: number): Promise<Runtime>;
}

export async function measureRanks(architecture: Architecture, options: RanksOptions): Promise<RankFigures> {
  const { ranks, rounds, scale = 1 } = options;
  const folder = mkdtempSync(join(tmpdir(), 'cutpoint-ranks-'));
  const runtimes = await Promise.all(Array.from({ length: ranks }, (_, rank) => options.makeRuntime(rank)));
  const [first] = runtimes as [Runtime];
  try {
    const path = join(folder, 'model.onnx');
    writeFileSync(path, architecture.make({ scale }));
    const model = await openModel(fileSource(path), first, {
      inputShapes: architectureShapes(architecture, { scale }),
    });
    const feeds = architectureFeeds(architecture, { scale });
    const fetches = model.outputs.map(({ name }) => name);
    const plan = planShards(model.graph, { ranks, sizedTypes: model.sizedTypes });
    const shards = await writeShards(model.graph, plan, {
      types: model.types,
      sourceDirectory: folder,
      directory: folder,
    });
    const whole = await first.load({ bytes: await model.source.read(), directory: folder });
    const group = await createRankGroup({ shards, runtimes });
    const alone = () => first.run({ models: [whole], feeds, fetches });
    const together = () => group.run({ feeds, fetches });
    const difference = compareOutputs((await together()).values, (await alone()).values, fetches).relative;
    const groupTimes: number[] = [];
    const variants = {
      alone: async () => (await alone()).stepMs[0] ?? Number.NaN,
      together: async () => {
        const startMs = performance.now();
        const { levelMs } = await together();
        groupTimes.push(performance.now() - startMs);
        return levelMs.reduce((sum, ms) => sum + ms, 0);
      },
    };
    await interleaveAll(variants, 3);
    groupTimes.length = 0;
    const times = await interleaveAll(variants, rounds);
    return {
      model: architecture.name,
      ranks,
      difference,
      memoryRatio: Math.max(...shards.ranks.map(({ weightBytes }) => weightBytes)) / shards.wholeWeightBytes,
      collectives: plan.levels.flatMap(({ collectives }) => collectives).length,
      wholeMs: median(times.alone),
      ranksMs: median(times.together),
      groupMs: median(groupTimes),
    };
  } finally {
    await Promise.all(runtimes.map((runtime) => runtime.close()));
    rmSync(folder, { recursive: true, force: true });
  }
}
