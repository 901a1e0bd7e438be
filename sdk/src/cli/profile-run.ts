/**
 * Makes a profile. What runs the segments is what a session or a gateway would open for the same cuts: by default the valve
 * graph where it proves itself. So the times are those that they will see, not those of segments in sessions of their own.
 */
import { availableParallelism, cpus } from 'node:os';
import { systemClock } from '../clock.ts';
import { createCodec } from '../codec/codec.ts';
import { deflateNode } from '../codec/deflate-node.ts';
import { zstdNode } from '../codec/zstd-node.ts';
import { candidateCuts } from '../cut/candidates.ts';
import type { Cut } from '../cut/cut.ts';
import { SplitError } from '../errors.ts';
import { profiledMode } from '../planner/machine-mode.ts';
import type { Profile } from '../planner/profile.ts';
import { SERVER, SMALL_BOARD } from '../profiler/flops.ts';
import { guessProfile } from '../profiler/guess-profile.ts';
import { type ProfileFacts, profileModel } from '../profiler/profile-model.ts';
import { readMachineMode } from '../program/machine-mode.ts';
import { createOrtNode } from '../runtime/ort-node.ts';
import { createOrtProcess } from '../runtime/ort-process.ts';
import { type OpenedExecutor, openExecutor } from '../session/open-executor.ts';
import { openModel } from '../session/open-model.ts';
import { probeRows } from '../session/probe-rows.ts';
import { sampleFeeds } from '../session/sample-feeds.ts';
import type { Tensors } from '../tensor.ts';
import { readInputSets } from './input-sets.ts';
import { missingShapes } from './inspection.ts';
import { type OpenedModel, withModel } from './model-flags.ts';
import { pictureDecodeMs } from './picture-times.ts';
import type { ProfileFlags } from './profile.ts';
import type { World } from './verb.ts';

/** As many as a session takes. */
const MAX_DEFAULT_THREADS = 8;

interface ProfileContext {
  readonly world: World;
  /** Contents of the application's picture files. */
  readonly pictures: readonly Uint8Array[];
}

export function makeProfile(path: string, flags: ProfileFlags, context: ProfileContext): Promise<Profile> {
  const threads = flags.threads ?? Math.min(availableParallelism(), MAX_DEFAULT_THREADS);
  const measure = async (opened: OpenedModel) => {
    const inputs = await inputsFor(opened, flags);
    const sized = await atShapesOf(opened, inputs[0] ?? {});
    const { model } = sized;
    const [inputCut] = model.cuts;
    const cuts = candidateCuts(model.cuts, model.graph, { limit: flags.maxCuts, also: flags.cuts ?? [] });
    if (!inputCut)
      throw new SplitError('cut-invalid', 'the model has no cut at all: its inputs cannot be sent');
    const facts = factsOf(sized, { ...flags, threads }, context.world);
    const job = { ...sized, inputs, cuts, inputCut, facts };
    return flags.guess === undefined ? measured(job, flags, context) : guessed(job, flags, context);
  };
  return withModel(path, { ...flags, threads }, measure, RUNTIMES[flags.as]);
}

const RUNTIMES = { device: createOrtNode, gateway: createOrtProcess };

interface Job extends OpenedModel {
  readonly inputs: readonly Tensors[];
  readonly cuts: readonly Cut[];
  readonly inputCut: Cut;
  readonly facts: ProfileFacts;
}

async function measured(
  job: Job,
  flags: ProfileFlags,
  { world, pictures }: ProfileContext,
): Promise<Profile> {
  const { model, runtime, inputs, cuts, inputCut, facts } = job;
  const [feeds] = inputs;
  const options = { kind: flags.executor, ...SIDES[flags.as], ...(feeds && { feeds }) };
  const executor = await openExecutor(model, cuts, runtime, options);
  if (world.showsProgress) world.writeError(`timing ${cuts.length} cuts in a ${executor.report.kind} ...\n`);
  try {
    const before = await readMachineMode(world.root);
    const profile = await profileModel({
      executor,
      inputCut,
      inputs,
      codec: createCodec({ deflate: deflateNode(), zstd: zstdNode() }),
      clock: systemClock(),
      fetches: model.outputs.map(({ name }) => name),
      profiles: flags.codecs,
      rounds: flags.rounds,
      facts: { ...facts, executor: executorText(executor, flags.as) },
      pictureBytes: sizesOf(pictures),
      pictureDecodeMs: await pictureDecodeMs(pictures, feeds),
      // Linux and Node count in kibibytes.
      peakMemoryBytes: () => process.resourceUsage().maxRSS * 1024,
    });
    return { ...profile, mode: profiledMode(before, await readMachineMode(world.root)) };
  } finally {
    await executor.close();
  }
}

function guessed(job: Job, flags: ProfileFlags, { pictures }: ProfileContext): Profile {
  const { model, cuts, inputCut, facts } = job;
  return guessProfile({
    facts: {
      ...facts,
      device: flags.device ?? `a guessed ${flags.guess}`,
      executor: 'none: guessed',
      pauseMs: 0,
    },
    graph: model.graph,
    types: model.sizedTypes,
    outputs: model.outputs,
    inputCut,
    cuts,
    profiles: flags.codecs,
    machine: flags.guess === 'server' ? SERVER : SMALL_BOARD,
    pictureBytes: sizesOf(pictures),
  });
}

const sizesOf = (files: readonly Uint8Array[]) => files.map(({ length }) => length);

/** As the session and the gateway open it. */
const SIDES = { device: {}, gateway: { dequantise: 'auto', rowProbe: probeRows } } as const;

function executorText({ report }: OpenedExecutor, side: ProfileFlags['as']): string {
  return `${report.kind} of a ${side}: ${report.reason}`.slice(0, 500);
}

function factsOf(
  { model, runtime }: OpenedModel,
  { device, threads, slowdown, pause, inputs }: ProfileFlags,
  world: World,
): ProfileFacts {
  const [first] = cpus();
  return {
    modelDigest: model.digest,
    device: (device ?? first?.model.trim() ?? 'unknown').slice(0, 500),
    provider: runtime.provider ?? 'unknown',
    // Name and version; provider and threads have fields of their own.
    runtime: runtime.description.split(' ').slice(0, 2).join(' '),
    threads: threads ?? 0,
    executor: '',
    measuredAt: world.now().toISOString(),
    pauseMs: pause,
    slowdown,
    inputShapes: model.inputShapes,
    inputSource: inputs === undefined ? 'seeded' : 'files',
  };
}

/** The model with the sizes that are going to be fed, so that bytes are known. */
export async function atShapesOf({ model, runtime }: OpenedModel, feeds: Tensors): Promise<OpenedModel> {
  const inputShapes = Object.fromEntries(Object.entries(feeds).map(([name, { dims }]) => [name, [...dims]]));
  return { runtime, model: await openModel(model.source, runtime, { inputShapes }) };
}

async function inputsFor(
  { model }: OpenedModel,
  { inputs, shape = {} }: ProfileFlags,
): Promise<readonly Tensors[]> {
  if (inputs !== undefined) return readInputSets(inputs, model.inputs);
  const feeds = sampleFeeds(model.inputs, shape);
  if (feeds) return [feeds];
  throw new SplitError(
    'options-invalid',
    `an input is open in size, or too large to make up; say ${missingShapes(model.inputs, shape) || 'smaller shapes'}`,
  );
}
