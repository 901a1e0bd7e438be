/** Putting a session together: model, cuts, chain, connection. The platform gives what differs between Node and browsers. */
import { createController } from '../adaptive/controller.ts';
import { type Clock, systemClock } from '../clock.ts';
import { createCodec } from '../codec/codec.ts';
import type { Deflate } from '../codec/entropy/deflate.ts';
import type { Zstd } from '../codec/entropy/zstd.ts';
import { candidateCuts } from '../cut/candidates.ts';
import type { Cut } from '../cut/cut.ts';
import { asSplitError, SplitError } from '../errors.ts';
import { allowedArms, DEVICE_ARM } from '../planner/arm.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { ModelSource } from '../source/model-source.ts';
import { createRequestClient, type RequestClient } from '../transport/request-client.ts';
import type { Transport } from '../transport/transport.ts';
import { openExecutor } from './open-executor.ts';
import { openModel, type SplitModel } from './open-model.ts';
import { type ResolvedOptions, resolveOptions, type SplitSessionOptions } from './options.ts';
import { createPace } from './pace.ts';
import { createSession, type SplitSession } from './split-session.ts';
import { findTail } from './tail.ts';

/** What a platform brings. Everything is made per session; nothing is shared between two of them. */
export interface Platform {
  makeRuntime(options: { readonly threads?: number }): Promise<Runtime>;
  /** Begins to connect and goes on trying. */
  openTransport(options: ResolvedOptions): Transport;
  readonly deflate: Deflate;
  /** Where the platform has it. */
  readonly zstd?: Zstd | undefined;
  randomId(): string;
}

/** @throws SplitError `options-invalid`, `model-invalid`, and without a fallback what keeps the cloud away */
export async function createSplitSessionOn(
  platform: Platform,
  source: ModelSource,
  given: SplitSessionOptions,
): Promise<SplitSession> {
  const options = resolveOptions(given);
  const clock = systemClock();
  const runtime = await platform.makeRuntime(
    options.threads === undefined ? {} : { threads: options.threads },
  );
  const transport = platform.openTransport(options);
  const client = createRequestClient({
    transport,
    deviceId: options.device ?? platform.randomId(),
    namespace: options.namespace,
    maxPayloadBytes: options.maxPayloadBytes,
    clock,
    randomId: platform.randomId,
  });
  const close = async () => {
    await client.close();
    await transport.close();
    await runtime.close();
  };
  try {
    const [model] = await Promise.all([
      openModel(
        source,
        runtime,
        options.inputShapes === undefined ? {} : { inputShapes: options.inputShapes },
      ),
      findGateway(client, options, clock),
    ]);
    checkTail(client, options, model);
    const executor = await openExecutor(model, offeredCuts(model, client, options), runtime, {
      isBatching: false,
    });
    const [inputCut] = model.cuts;
    if (inputCut === undefined)
      throw new SplitError('cut-invalid', 'the model has no cut at all: what its inputs feed cannot be sent');
    return createSession({
      options,
      model,
      executor,
      client,
      codec: createCodec({ deflate: platform.deflate, zstd: platform.zstd }),
      controller: createController(DEVICE_ARM),
      clock,
      pace: createPace(clock, options.emulatedSlowdown),
      known: {},
      arms: allowedArms(inputCut, executor.cuts, options),
      close,
    });
  } catch (error) {
    await close();
    throw asSplitError(error);
  }
}

/** Waits for a gateway that serves the model; with a fallback the session can do without one. */
async function findGateway(client: RequestClient, options: ResolvedOptions, clock: Clock): Promise<void> {
  const untilMs = clock.nowMs() + options.connectTimeoutMs;
  try {
    await client.start();
    await client.waitForGateway(options.model, { deadlineMs: Math.max(1, untilMs - clock.nowMs()) });
  } catch (error) {
    if (options.fallback === 'none') throw error;
  }
}

/** A gateway with another model of that name is a mistake to be told at once, unless the device can do without. */
function checkTail(client: RequestClient, options: ResolvedOptions, model: SplitModel): void {
  const { error } = findTail(client.gateways(), options.model, model.digest);
  if (error && options.fallback === 'none') throw error;
}

/** The cuts that the gateway announces, or, while none is there, those that it would choose itself. */
function offeredCuts(model: SplitModel, client: RequestClient, options: ResolvedOptions): readonly Cut[] {
  const { announced } = findTail(client.gateways(), options.model, model.digest);
  if (announced === undefined) return candidateCuts(model.cuts, model.graph, { limit: options.maxCuts });
  const known = new Set(announced.cuts.map(({ id }) => id));
  const isInside = ({ position }: Cut) => position > 0 && position < model.graph.nodes.length;
  return model.cuts.filter((cut) => known.has(cut.id) && isInside(cut)).slice(0, options.maxCuts);
}
