/** Putting a session together: model, cuts, chain, connection. The platform gives what differs between Node and browsers. */
import { createController } from '../adaptive/controller.ts';
import { objectiveScore } from '../adaptive/score.ts';
import { type Clock, systemClock } from '../clock.ts';
import { createCodec } from '../codec/codec.ts';
import type { Deflate } from '../codec/entropy/deflate.ts';
import type { Zstd } from '../codec/entropy/zstd.ts';
import { candidateCuts } from '../cut/candidates.ts';
import type { Cut } from '../cut/cut.ts';
import { asSplitError, SplitError } from '../errors.ts';
import type { CounterStore } from '../placement/gate.ts';
import { type Arm, type ArmRules, allowedArms, DEVICE_ARM } from '../planner/arm.ts';
import type { Plan } from '../planner/plan-file.ts';
import type { Executor } from '../runtime/executor/executor.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { ModelSource } from '../source/model-source.ts';
import { type Announcement, createRequestClient, type RequestClient } from '../transport/request-client.ts';
import type { Transport } from '../transport/transport.ts';
import { openHeadExecutor } from './head-executor.ts';
import { headOptions, isHead } from './head-rules.ts';
import type { NoiseStage } from './noise-stage.ts';
import { openExecutor } from './open-executor.ts';
import { openModel, type SplitModel } from './open-model.ts';
import { type ResolvedOptions, resolveOptions, type SplitSessionOptions } from './options.ts';
import { createPace } from './pace.ts';
import { noteCuts, placedOptions, type SessionPlacement, sessionPlacement } from './placement.ts';
import { checkedPlan, innerCuts, type PlannedArms, plannedArms } from './planned-arms.ts';
import { createPlannedTables } from './planned-tables.ts';
import { createReferenceFrames } from './reference-frames.ts';
import { firstGateways, mayBeFirst } from './route.ts';
import { createSession, type SplitSession } from './split-session.ts';
import { findTails, lookForTail } from './tail.ts';

/** What a platform brings. Everything is made per session; nothing is shared between two of them. */
export interface MakeRuntimeOptions {
  readonly threads?: number;
  readonly provider?: string;
  readonly modulePath?: string;
  readonly memoryArena?: boolean;
}

export interface Platform {
  makeRuntime(options: MakeRuntimeOptions): Promise<Runtime>;
  /** Begins to connect and goes on trying. */
  openTransport(options: ResolvedOptions): Transport;
  readonly deflate: Deflate;
  /** Where the platform has it. */
  readonly zstd?: Zstd | undefined;
  /** Where there are files. */
  readText?(path: string): Promise<string>;
  /** Where there are files. @throws SplitError `options-invalid` */
  readYaml?(path: string): Promise<unknown>;
  /** Where there is a disk. @throws SplitError for a file that cannot be read */
  openCounters?(path: string): Promise<CounterStore>;
  /** Where sessions can put noise over what they send. */
  makeNoise?(level: number): Promise<NoiseStage>;
  randomId(): string;
}

/** @throws SplitError `options-invalid`, `model-invalid`, and without a fallback what keeps the cloud away */
export async function createSplitSessionOn(
  platform: Platform,
  source: ModelSource,
  given: SplitSessionOptions,
): Promise<SplitSession> {
  const asked = resolveOptions(given);
  const placement = await sessionPlacement(platform, asked);
  const clock = systemClock();
  const runtime = await platform.makeRuntime(runtimeOptions(asked));
  const transport = platform.openTransport(asked);
  const client = createRequestClient({
    transport,
    deviceId: asked.device ?? platform.randomId(),
    namespace: asked.namespace,
    maxPayloadBytes: asked.maxPayloadBytes,
    encryption: asked.encryption,
    ...(asked.placement?.region !== undefined && { region: asked.placement.region }),
    gate: placement.gate,
    clock,
    randomId: platform.randomId,
  });
  const untilMs = clock.nowMs() + asked.connectTimeoutMs;
  const close = async () => {
    await client.close();
    await transport.close();
    await runtime.close();
  };
  try {
    const [model, missing] = await Promise.all([
      openModel(source, runtime, { inputShapes: asked.inputShapes, mayBeHead: true }),
      findGateway(client, asked, { clock, untilMs }).then(() => undefined, asSplitError),
    ]);
    const { own: placed, denial } = placedOptions(asked, placement, model);
    const own = isHead(model) ? headOptions(given, placed) : placed;
    const plan = await planOf(platform, own, model);
    const options = { ...own, stages: own.stages ?? plan?.route?.stages };
    const noise = await noiseOf(platform, options);
    if (options.fallback === 'none' && !options.startsOffline) {
      if (missing) throw missing;
      // At which gateway a plan's route begins was not known before.
      await findGateway(client, options, { clock, untilMs });
      checkTail(client, options, model);
    }
    const planned = plan && plannedArms(plan, model, { ...options, denial });
    const cuts = planned?.cuts ?? offeredCuts(model, client, options);
    const { quantise } = options.runtime ?? {};
    const how = { quantise };
    const executor = isHead(model)
      ? await openHeadExecutor(model, cuts, runtime, how)
      : await openExecutor(model, cuts, runtime, how);
    // Randomness only spreads a fleet's moves: which arm is best does not depend on it.
    const controller = createController(DEVICE_ARM, {
      random: Math.random,
      quantile: options.quantile,
      ...(plan && { score: objectiveScore(plan.objective, plan.wish.models) }),
    });
    const arms = sessionArms(planned, model, { executor, noise, options: { ...options, denial } });
    tellOpened(placement, model, cuts);
    for (const arm of arms) {
      const known = planned?.costs.get(arm.id);
      if (known) controller.setCost(arm, known.cost, known.runs);
    }
    return createSession({
      options: withPlanLimits(options, plan),
      isPlanned: planned !== undefined,
      model,
      executor,
      client,
      codec: createCodec({ deflate: platform.deflate, zstd: platform.zstd }),
      controller,
      clock,
      pace: createPace(clock, options.emulatedSlowdown),
      references: createReferenceFrames(),
      noise,
      tables: createPlannedTables(plan, clock),
      known: {},
      runtime: runtime.description,
      arms,
      denied: (arm) => deniedArm(arm, { placement, model, denial }),
      dataClass: placement.dataClass,
      trail: placement.trail,
      gate: placement.gate,
      close,
    });
  } catch (error) {
    await close();
    throw asSplitError(error);
  }
}

function runtimeOptions({
  threads,
  runtime: { provider, modulePath, memoryArena } = {},
}: ResolvedOptions): MakeRuntimeOptions {
  return {
    ...(threads !== undefined && { threads }),
    ...(provider !== undefined && { provider }),
    ...(modulePath !== undefined && { modulePath }),
    ...(memoryArena !== undefined && { memoryArena }),
  };
}

async function noiseOf({ makeNoise }: Platform, { noise }: ResolvedOptions): Promise<NoiseStage | undefined> {
  if (noise === undefined) return undefined;
  if (makeNoise) return makeNoise(noise);
  throw new SplitError('options-invalid', 'noise: there is none in pages');
}

async function planOf(
  { readText }: Platform,
  { plan }: ResolvedOptions,
  model: SplitModel,
): Promise<Plan | undefined> {
  if (typeof plan !== 'string') return plan && checkedPlan(plan, model);
  if (!readText)
    throw new SplitError('options-invalid', 'plan: there are no files here; give the plan parsed');
  return checkedPlan(parsedPlan(plan, await readText(plan)), model);
}

function parsedPlan(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SplitError('options-invalid', `plan: ${path} is not JSON`, { cause });
  }
}

function tellOpened(placement: SessionPlacement, model: SplitModel, cuts: readonly Cut[]): void {
  const [inputCut] = model.cuts;
  placement.trail.note('model-change', { change: 'opened', digest: model.digest });
  noteCuts(placement, [...(inputCut && cuts[0] !== inputCut ? [inputCut] : []), ...cuts], model);
}

interface Denials {
  readonly placement: SessionPlacement;
  readonly model: SplitModel;
  readonly denial: (cut: Cut, to?: Cut) => SplitError | undefined;
}

function deniedArm(arm: string, { placement, model, denial }: Denials): SplitError | undefined {
  const [first, last] = arm.slice(0, arm.indexOf('/')).split('-');
  const [cut, to] = [first?.split('>')[0], last].map((name) =>
    model.cuts.find(({ id, position }) => id === name || (name === 'input' && position === 0)),
  );
  const error = cut && denial(cut, to);
  if (error)
    placement.trail.note('policy-decision', {
      decision: 'cut refused',
      arm: arm.slice(0, 256),
      what: error.message,
    });
  return error;
}

interface ArmMeans {
  readonly executor: Executor;
  readonly noise: NoiseStage | undefined;
  readonly options: PlacedOptions;
}

type PlacedOptions = ResolvedOptions & Pick<ArmRules, 'denial'>;

/** The plan's arms whose cut the executor opened; without a plan, one for each cut and profile. */
function sessionArms(
  planned: PlannedArms | undefined,
  model: SplitModel,
  { executor, noise, options }: ArmMeans,
): readonly Arm[] {
  const [inputCut] = model.cuts;
  if (inputCut === undefined)
    throw new SplitError('cut-invalid', 'the model has no cut at all: what its inputs feed cannot be sent');
  const open = new Set(executor.cuts.map(({ id }) => id));
  const arms =
    planned?.arms ?? allowedArms(inputCut, executor.cuts, { ...options, stages: options.stages?.length });
  return arms.filter((arm) =>
    arm.kind === 'device'
      ? !isHead(model)
      : innerCuts(arm).every(({ id }) => open.has(id)) && (noise?.covers(arm) ?? true),
  );
}

/** The shorter deadline and the regions that both allow: a plan's policy is a limit, and so is the session's own. */
function withPlanLimits(options: ResolvedOptions, plan: Plan | undefined): ResolvedOptions {
  const { deadlineMs = Number.POSITIVE_INFINITY, regions } = plan?.wish.constraints ?? {};
  const both = regions?.filter((region) => options.regions?.includes(region) ?? true);
  return {
    ...options,
    deadlineMs: Math.min(options.deadlineMs, deadlineMs),
    regions: both ?? options.regions,
  };
}

interface WaitingTime {
  readonly clock: Clock;
  readonly untilMs: number;
}

/** Waits for a gateway that serves the model and may be asked first. @throws SplitError why there is none */
async function findGateway(
  client: RequestClient,
  options: ResolvedOptions,
  { clock, untilMs }: WaitingTime,
): Promise<void> {
  await client.start();
  const deadlineMs = Math.max(1, untilMs - clock.nowMs());
  const fits = (announcement: Announcement) => mayBeFirst(announcement, options);
  await client.waitForGateway(options.model, { deadlineMs, limitMs: options.connectTimeoutMs, fits });
}

/** A gateway with another model of that name is a mistake to be told at once. */
function checkTail(client: RequestClient, options: ResolvedOptions, model: SplitModel): void {
  const { error } = lookForTail(firstGateways({ client, options }), { client, options }, model.digest);
  if (error) throw error;
}

/** The cuts that the gateway announces, or, while none is there, those that it would choose itself. */
function offeredCuts(model: SplitModel, client: RequestClient, options: ResolvedOptions): readonly Cut[] {
  const { digest } = model;
  const found = findTails(client.gateways(), { ...options, digest });
  if (found.length === 0) return candidatesOf(model, options);
  // Of a pipeline each stage knows cuts of its own; else the gateway that is asked counts.
  const asked = (options.stages?.length ?? 1) > 1 ? found : found.slice(0, 1);
  const known = new Set(
    asked.flatMap(({ announced: { cuts, range } }) => (range?.cuts ?? cuts).map(({ id }) => id)),
  );
  // A head's graph ends at its deepest cut, which is one inside the model.
  const end = isHead(model) ? Number.POSITIVE_INFINITY : model.graph.nodes.length;
  const isInside = ({ position }: Cut) => position > 0 && position < end;
  return model.cuts.filter((cut) => known.has(cut.id) && isInside(cut)).slice(0, options.maxCuts);
}

function candidatesOf(model: SplitModel, { maxCuts }: ResolvedOptions): readonly Cut[] {
  if (!isHead(model)) return candidateCuts(model.cuts, model.graph, { limit: maxCuts });
  return model.cuts.filter(({ id }) => model.head.candidates.includes(id)).slice(0, maxCuts);
}
