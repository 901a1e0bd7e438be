/** Whole models over the Open Inference Protocol: what they are, whether they are ready, and inference. */
import { asSplitError, type Clock, SplitError, type Tensors } from '@cutpoint/sdk/gateway';
import {
  type EncodedResponse,
  type InferBody,
  type InferRequest,
  modelMetadata,
  outputsOf,
  readInferRequest,
  writeInferResponse,
} from '@cutpoint/sdk/oip';
import { describeIssues } from '@cutpoint/sdk/program';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';
import { checkFetches, checkNames, checkTensor } from '../crossing.ts';
import type { GatewayEvents, RequestFacts } from '../events.ts';
import type { ModelRepository } from '../models/repository.ts';
import { INPUT_CUT, type ServedModel } from '../models/served-model.ts';
import type { PolicyDesk } from '../policy/desk.ts';
import type { Batcher, Ran } from '../serving/batcher.ts';
import { DEFAULT_TENANT } from '../serving/quota.ts';

/** Where the caller names none. */
const DEFAULT_DEADLINE_MS = 60_000;
const MICROSECONDS = 1000;

// Tolerant of parameters that a newer client sends.
const parametersSchema = z.object({
  /** Milliseconds until nobody waits for the answer. */
  deadline_ms: z.number().positive().optional(),
  /** The same in microseconds, as Triton has it. */
  timeout: z.number().positive().optional(),
});

interface ModelRoute {
  Params: { readonly name: string; readonly version?: string };
}

export interface InferenceParts {
  readonly repository: ModelRepository;
  readonly batcher: Batcher;
  readonly clock: Clock;
  readonly events: GatewayEvents;
  readonly version: string;
  /** Decides by the models' policies. @default none is asked */
  readonly desk?: PolicyDesk | undefined;
  /** Whether requests are taken. */
  isReady(): boolean;
}

const EXTENSIONS = ['binary_tensor_data', 'model_repository'];

export function addInference(app: FastifyInstance, parts: InferenceParts): void {
  app.get('/v2', async () => ({ name: 'cutpoint-gateway', version: parts.version, extensions: EXTENSIONS }));
  for (const path of ['/v2/models/:name', '/v2/models/:name/versions/:version']) {
    app.get<ModelRoute>(path, async ({ params }) => describe(parts, params));
    app.get<ModelRoute>(`${path}/ready`, async ({ params: { name, version } }, reply) => {
      const ready = parts.isReady() && parts.repository.find(name, version)?.canRun() === true;
      return await reply.code(ready ? 200 : 503).send({ name, ready });
    });
    app.post<ModelRoute>(`${path}/infer`, async ({ params, body, headers, id }, reply) => {
      const traceparent = headers.traceparent;
      const from = { id: String(id), ...(typeof traceparent === 'string' && { traceparent }) };
      const answer = await infer(parts, {
        ...params,
        ...from,
        body: body as InferBody,
        signal: goneSignal(reply),
      });
      return await reply
        .headers(answer.headers)
        .send(Buffer.from(answer.body.buffer as ArrayBuffer, answer.body.byteOffset, answer.body.length));
    });
  }
}

function describe({ repository }: InferenceParts, { name, version }: ModelRoute['Params']): object {
  const { inputs, outputs } = find(repository, name, version);
  const versions = repository.versionsOf(name).map((model) => model.version);
  return modelMetadata({ name, versions, inputs, outputs });
}

function find(repository: ModelRepository, name: string, version: string | undefined): ServedModel {
  const model = repository.find(name, version);
  if (model !== undefined) return model;
  const what = version === undefined ? `model '${name}'` : `version ${version} of model '${name}'`;
  throw new SplitError('model-unknown', `${what} is not served`);
}

interface InferCall {
  readonly id: string;
  readonly traceparent?: string;
  readonly name: string;
  readonly version?: string;
  readonly body: InferBody;
  /** Fires when the caller has gone. */
  readonly signal: AbortSignal;
}

/** @throws SplitError */
async function infer(parts: InferenceParts, call: InferCall): Promise<EncodedResponse> {
  const { clock, events, batcher } = parts;
  const arrivedMs = clock.nowMs();
  if (!parts.isReady()) throw new SplitError('gateway-unavailable', 'the gateway is not ready');
  const model = find(parts.repository, call.name, call.version);
  const { name, version } = model;
  const { id, traceparent } = call;
  const facts: RequestFacts = {
    ...{
      id,
      via: 'http',
      device: DEFAULT_TENANT,
      tenant: DEFAULT_TENANT,
      model: name,
      version,
      cut: INPUT_CUT,
    },
    ...(traceparent !== undefined && { traceparent }),
  };
  let wasAdmitted = false;
  const leaveModel = model.hold();
  try {
    const request = readInferRequest(call.body);
    const decodeMs = clock.nowMs() - arrivedMs;
    const requestBytes = bytesOf(request.feeds);
    const deadlineMs = deadlineOf(request);
    const crossing = checkInputs(model, request);
    parts.desk?.checkRequest(model, crossing, { device: facts.device, via: 'http', isSealed: false });
    const place = batcher.admit({ model, tenant: facts.tenant, costMs: crossing.expectedMs(), deadlineMs });
    wasAdmitted = true;
    events.emit('request-admitted', {
      request: facts,
      arrivedMs,
      deadlineMs,
      requestBytes,
      inHand: batcher.length,
    });
    const outputs = outputsOf(
      request,
      model.outputs.map((output) => output.name),
    );
    const fetches = outputs.map((output) => output.name);
    const ran = await place.run({ feeds: request.feeds, fetches, signal: call.signal }, INPUT_CUT);
    if (ran.batchSize === 1) crossing.observe(ran.tailMs);
    const startMs = clock.nowMs();
    const answer = writeInferResponse({ model: name, version, id: request.id, outputs, values: ran.values });
    const encodeMs = clock.nowMs() - startMs;
    const times = { arrivedMs, totalMs: clock.nowMs() - arrivedMs, decodeMs, encodeMs };
    events.emit('request-finished', {
      request: facts,
      ...times,
      ...stagesOf(ran),
      requestBytes,
      replyBytes: answer.body.length,
    });
    return answer;
  } catch (error) {
    const { code, retryAfterMs } = asSplitError(error);
    events.emit('request-refused', {
      request: facts,
      code,
      wasAdmitted,
      elapsedMs: clock.nowMs() - arrivedMs,
      retryAfterMs,
    });
    throw error;
  } finally {
    leaveModel();
  }
}

function stagesOf({ queueMs, tailMs, copyMs, batchSize, batchCuts, executor, provider }: Ran) {
  return { queueMs, tailMs, copyMs, batchSize, batchCuts, executor, provider };
}

function checkInputs(model: ServedModel, { feeds, outputs }: InferRequest) {
  const crossing = model.crossing(INPUT_CUT);
  checkNames(
    Object.keys(feeds).map((name) => ({ name })),
    crossing.tensors,
  );
  for (const info of crossing.tensors) {
    const tensor = feeds[info.name];
    if (tensor) checkTensor(tensor, info);
  }
  checkFetches(
    (outputs ?? []).map(({ name }) => name),
    crossing.outputs,
  );
  return crossing;
}

function deadlineOf({ parameters }: InferRequest): number {
  const parsed = parametersSchema.safeParse(parameters);
  if (!parsed.success) throw new SplitError('options-invalid', `parameters: ${describeIssues(parsed.error)}`);
  const { deadline_ms: deadlineMs, timeout } = parsed.data;
  return deadlineMs ?? (timeout === undefined ? DEFAULT_DEADLINE_MS : timeout / MICROSECONDS);
}

function bytesOf(tensors: Tensors): number {
  return Object.values(tensors).reduce((sum, { data }) => sum + data.byteLength, 0);
}

/** Fires when the connection ends before the answer was written. */
function goneSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableEnded) gone.abort(new SplitError('aborted', 'the caller closed its connection'));
  });
  return gone.signal;
}
