/** Shards as a folder that can be read again: beside the weights each rank's models, and a list of what is there. */
import { open, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { RankModel } from './rank-model.ts';
import { type RankShards, type Shards, weightsFile } from './shard-files.ts';
import { storing } from './storage-error.ts';

/** Another form of the list, or other files: then folders of before are not read. */
const FORM = 1;
const LIST = 'shards.json';

const names = z.array(z.string());
const count = z.int().nonnegative();
const schema = z.strictObject({
  form: z.literal(FORM),
  outputs: names,
  levels: z.array(
    z.strictObject({
      collectives: z.array(
        z.strictObject({
          kind: z.enum(['all-gather', 'all-reduce']),
          from: z.string(),
          to: z.string(),
          axis: count,
        }),
      ),
    }),
  ),
  ranks: z
    .array(
      z.strictObject({
        weightBytes: count,
        fileBytes: count,
        models: z.array(z.strictObject({ inputs: names, outputs: names, bytes: count }).nullable()),
      }),
    )
    .min(2),
  wholeWeightBytes: count,
});

type List = z.infer<typeof schema>;

/** Adds to the folder of the shards what it takes to read them again. On disk when it resolves. @throws SplitError `storage-failed` */
export async function keepShards({ plan, directory, ranks, wholeWeightBytes }: Shards): Promise<void> {
  const listed = await Promise.all(
    ranks.map(async ({ weightBytes, models }, rank) => {
      const path = join(directory, weightsFile(rank, ranks.length));
      const { size: fileBytes } = await storing(path, () => stat(path));
      for (const [level, model] of models.entries())
        if (model) await writeSynced(join(directory, modelFile(rank, level)), model.bytes);
      const about = models.map(
        (model) =>
          model && { inputs: [...model.inputs], outputs: [...model.outputs], bytes: model.bytes.length },
      );
      return { weightBytes, fileBytes, models: about.map((model) => model ?? null) };
    }),
  );
  const levels = plan.levels.map(({ collectives }) => ({ collectives: [...collectives] }));
  const list: List = { form: FORM, outputs: [...plan.outputs], levels, ranks: listed, wholeWeightBytes };
  await writeSynced(join(directory, LIST), JSON.stringify(list));
}

/** As they were kept; undefined where the folder is not there, or is not whole. */
export async function readShards(directory: string): Promise<Shards | undefined> {
  try {
    const list = schema.parse(JSON.parse(await readFile(join(directory, LIST), 'utf8')));
    const { levels, outputs, wholeWeightBytes } = list;
    const ranks = await Promise.all(list.ranks.map((_, rank) => readRank(directory, list, rank)));
    return { plan: { ranks: ranks.length, levels, outputs }, directory, ranks, wholeWeightBytes };
  } catch {
    return undefined; // Whatever is wrong with it: it is made anew from the model.
  }
}

async function readRank(directory: string, { ranks, levels }: List, rank: number): Promise<RankShards> {
  const own = ranks[rank] as List['ranks'][number];
  const { size } = await stat(join(directory, weightsFile(rank, ranks.length)));
  if (size !== own.fileBytes || own.models.length !== levels.length) throw new RangeError('not whole');
  const models = await Promise.all(
    own.models.map(async (model, level): Promise<RankModel | undefined> => {
      if (model === null) return undefined;
      const bytes = new Uint8Array(await readFile(join(directory, modelFile(rank, level))));
      if (bytes.length !== model.bytes) throw new RangeError('not whole');
      return { bytes, inputs: model.inputs, outputs: model.outputs };
    }),
  );
  return { models, weightBytes: own.weightBytes };
}

function modelFile(rank: number, level: number): string {
  return `rank-${rank}-level-${level}.onnx`;
}

function writeSynced(path: string, content: string | Uint8Array): Promise<void> {
  return storing(path, async () => {
    const handle = await open(path, 'w');
    try {
      await writeFile(handle, content);
      await handle.sync();
    } finally {
      await handle.close();
    }
  });
}
