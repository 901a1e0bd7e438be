/** `cutpoint verify`: proves that head and tail give what the whole model gives, at every offered cut, and at pairs of them. */
import { basename } from 'node:path';
import { type Command, Option } from 'commander';
import type { Cut } from '../cut/cut.ts';
import { surveyCuts } from '../cut/survey.ts';
import { SplitError } from '../errors.ts';
import type { GraphOptimization } from '../runtime/runtime.ts';
import type { ExecutorKind } from '../session/open-executor.ts';
import { openModel } from '../session/open-model.ts';
import { sampleFeeds } from '../session/sample-feeds.ts';
import type { TensorInfo, Tensors } from '../tensor.ts';
import { type NestedCuts, type Verdict, verifyCuts } from '../verify/verify-cuts.ts';
import { executorsNamed, openNamed } from './executors.ts';
import { missingShapes } from './inspection.ts';
import { addModelFlags, type ModelFlags, type OpenedModel, withModel } from './model-flags.ts';
import { readNumber } from './quantity.ts';
import { readFeeds } from './read-feeds.ts';
import type { ExitCode, Verb, World } from './verb.ts';
import { type Verification, verifyText } from './verify-text.ts';

interface VerifyFlags extends ModelFlags {
  readonly inputs?: string;
  readonly level: GraphOptimization;
  readonly tolerance: number;
  readonly allCuts?: boolean;
  readonly pairs: number;
  readonly executor: string;
  readonly together: number;
}

const LEVELS: readonly GraphOptimization[] = ['disabled', 'basic', 'extended', 'all'];

export const verifyVerb: Verb<VerifyFlags> = { name: 'verify', describe, run: verify };

function describe(command: Command): void {
  addModelFlags(command.description('run head and tail against the whole model at every offered cut'))
    .option('--inputs <dir>', 'NAME.npy or NAME.pb of each input (default: seeded random numbers)')
    .addOption(new Option('--level <level>', 'graph optimisation').choices(LEVELS).default('extended'))
    .addOption(
      new Option('--tolerance <share>', 'largest difference allowed, relative to the largest value')
        .argParser(readTolerance)
        .default(1e-5),
    )
    .option('--all-cuts', 'cuts that part fused nodes too')
    .addOption(
      new Option(
        '--pairs <count>',
        'pairs of cuts too, with head, middle and last layers: the largest middles first',
      )
        .argParser(readNumber('--pairs', { min: 0, max: 100_000, isWhole: true }))
        .default(0),
    )
    .option('--executor <kind>', 'what runs head and tail: chain, valve, separate or all', 'chain')
    .addOption(
      new Option('--together <count>', 'cuts in one executor at once').argParser(readCount).default(1),
    )
    .addHelpText(
      'after',
      '\nExit code 1 where a cut is over the tolerance.\n\nExample:\n  $ cutpoint verify model.onnx --shape x=1,3,480,640 --level all --json',
    );
}

async function verify(path: string, flags: VerifyFlags, world: World): Promise<ExitCode> {
  const executors = executorsNamed(flags.executor);
  const runs = await withModel(path, flags, async (opened) => {
    const found: Verification[] = [];
    const feeds = await feedsFor(opened.model.inputs, flags);
    const sized = await atShapesOf(feeds, opened);
    for (const executor of executors)
      found.push({ executor, verdicts: await verdictsOf({ ...sized, feeds }, executor, flags, world) });
    return found;
  });
  const isWrong = ({ relative }: Verdict) => !(relative <= flags.tolerance);
  const wrong = runs.flatMap(({ verdicts }) => verdicts).filter(isWrong).length;
  const shown = { file: basename(path), ...flags };
  world.writeOut(flags.json ? verifyJson(runs, shown, wrong) : verifyText(runs, shown, world.hasColours));
  return wrong > 0 ? 1 : 0;
}

async function verdictsOf(
  { model, runtime, feeds }: OpenedModel & { readonly feeds: Tensors },
  kind: ExecutorKind,
  flags: VerifyFlags,
  world: World,
): Promise<readonly Verdict[]> {
  const { level: optimization, together } = flags;
  const inner = surveyCuts(model.cuts, model.graph).filter(
    ({ cut, isOffered }) =>
      isOffered || (flags.allCuts && cut.position > 0 && cut.position < model.graph.nodes.length),
  );
  const pairs = pairsOf(
    inner.map(({ cut }) => cut),
    flags.pairs,
  );
  const all = inner.length + pairs.length;
  let done = 0;
  const verdicts = await verifyCuts({
    source: model.source,
    runtime,
    optimization,
    outputs: model.outputs.map(({ name }) => name),
    feeds: [feeds],
    cuts: inner.map(({ cut }) => cut),
    pairs,
    together,
    openExecutor: (cuts) => openNamed(kind, { model, runtime, optimization, feeds }, cuts),
    onVerdict: () => {
      done += 1;
      if (world.showsProgress) world.writeError(`\r${done} of ${all} cuts`);
    },
  });
  if (world.showsProgress) world.writeError('\r\u001b[K');
  return verdicts;
}

/** By how many nodes lie between them, most first; of equal ones by what both send, least first. */
function pairsOf(cuts: readonly Cut[], count: number): readonly NestedCuts[] {
  const pairs = cuts.flatMap((cut) =>
    cuts.filter((to) => to.position > cut.position).map((to): NestedCuts => ({ cut, to })),
  );
  const middle = ({ cut, to }: NestedCuts) => to.position - cut.position;
  const bytes = ({ cut, to }: NestedCuts) => (cut.bytes ?? 0) + (to.bytes ?? 0);
  return pairs.toSorted((a, b) => middle(b) - middle(a) || bytes(a) - bytes(b)).slice(0, count);
}

/** The model with the sizes that are going to be fed, so that bytes are known. */
async function atShapesOf(feeds: Tensors, { model, runtime }: OpenedModel): Promise<OpenedModel> {
  const inputShapes = Object.fromEntries(Object.entries(feeds).map(([name, { dims }]) => [name, dims]));
  return { runtime, model: await openModel(model.source, runtime, { inputShapes }) };
}

async function feedsFor(infos: readonly TensorInfo[], { inputs, shape = {} }: VerifyFlags): Promise<Tensors> {
  if (inputs !== undefined) return readFeeds(inputs, infos);
  const feeds = sampleFeeds(infos, shape);
  if (feeds) return feeds;
  throw new SplitError(
    'options-invalid',
    `an input is open in size, or too large to make up; say ${missingShapes(infos, shape) || 'smaller shapes'}`,
  );
}

function verifyJson(
  runs: readonly Verification[],
  { file, level, tolerance }: { readonly file: string } & VerifyFlags,
  wrong: number,
): string {
  const results = runs.flatMap(({ executor, verdicts }) =>
    verdicts.map(({ cut, to, isExact, relative, output, failure }) => ({
      executor,
      cut: cut.id,
      to: to?.id ?? null,
      position: cut.position,
      depth: cut.depth,
      tensors: cut.tensors.map(({ name }) => name),
      bytes: cut.bytes,
      exact: isExact,
      // JSON has no infinity: what cannot be compared has no number.
      relativeDifference: Number.isFinite(relative) ? relative : null,
      output: output ?? null,
      failure: failure ?? null,
    })),
  );
  return `${JSON.stringify({ model: file, level, tolerance, wrong, cuts: results })}\n`;
}

function readTolerance(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && Number.isFinite(value)) return value;
  throw new SplitError('options-invalid', `--tolerance ${text} is not a number of 0 or more`);
}

function readCount(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new SplitError('options-invalid', `--together ${text} is not a whole number of 1 or more`);
}
