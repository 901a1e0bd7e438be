/** The Open Inference Protocol v2 over HTTP, for applications on this machine. */
import { asSplitError, SplitError } from '@cutpoint/sdk';
import {
  httpStatusOf,
  INFERENCE_HEADER,
  type InferBody,
  modelMetadata,
  splitInferBody,
  writeInferResponse,
} from '@cutpoint/sdk/oip';
import { isLoopback } from '@cutpoint/sdk/program';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import type { ModelHost } from '../models/model-host.ts';
import { infer } from './infer.ts';
import { isToBeStored } from './stored.ts';

export interface ApiOptions {
  /** @throws SplitError `model-unknown` */
  readonly find: (model: string) => ModelHost;
  /** Whether every model has a version that answers. */
  readonly isReady: () => boolean;
  /** Keeps a request until the cloud is back; gives its number, or nothing where inputs are not kept. */
  readonly store: (model: string, body: InferBody) => Promise<number> | undefined;
  readonly version: string;
  /** Largest request body, in bytes. JSON takes three to five times the tensor's. @default 268435456 */
  readonly maxBodyBytes?: number;
}

const DEFAULT_MAX_BODY_BYTES = 1 << 28;

/** The server, not yet listening. `close()` lets the requests in hand finish. */
export function createApi(options: ApiOptions): FastifyInstance {
  const { maxBodyBytes: bodyLimit = DEFAULT_MAX_BODY_BYTES } = options;
  const app = fastify({ bodyLimit, forceCloseConnections: 'idle' });
  addBodies(app);
  app.addHook('onRequest', async (request) => checkHost(request));
  app.addHook('preHandler', async (request) => {
    // No parser sees a request without a body.
    request.body ??= { json: {}, binary: new Uint8Array() } satisfies InferBody;
  });
  app.setErrorHandler((error, _request, reply) => replyWithError(reply, error));
  app.setNotFoundHandler((request, reply) => {
    void reply.code(404).send({ error: `no ${request.method} ${request.url} here` });
  });
  addHealth(app, options);
  addModels(app, options);
  return app;
}

/** JSON, and bytes after JSON. Clients of the binary extension often say no type at all. */
function addBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, async (request: FastifyRequest, bytes: Buffer) => {
    checkSender(request);
    const length = request.headers[INFERENCE_HEADER];
    return splitInferBody(bytes, Array.isArray(length) ? length[0] : length);
  });
}

/** A web page may send text, forms and bytes without a type anywhere, without being asked; it always says who it is. */
function checkSender({ headers }: FastifyRequest): void {
  const type = headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (type === 'application/json' || (headers.origin === undefined && !PAGE_TYPES.includes(type ?? '')))
    return;
  const error = new SplitError('options-invalid', `content type ${type ?? 'none'} is not taken; use JSON`);
  throw Object.assign(error, { statusCode: 415 });
}

const PAGE_TYPES = ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data'];

function addHealth(app: FastifyInstance, { version, isReady }: ApiOptions): void {
  app.get('/v2', async () => ({ name: 'cutpoint-edge', version, extensions: ['binary_tensor_data'] }));
  app.get('/v2/health/live', async () => ({ live: true }));
  app.get('/v2/health/ready', async (_request, reply) => sendReady(reply, {}, isReady()));
}

interface ModelRoute {
  Params: { name: string; version?: string };
}

/** Each with and without a version, which must be the one in use. */
function addModels(app: FastifyInstance, options: ApiOptions): void {
  for (const path of ['/v2/models/:name', '/v2/models/:name/versions/:version']) {
    const found = ({ name, version }: ModelRoute['Params']) => inUse(options.find(name), version);
    app.get<ModelRoute>(path, async ({ params }) => describeModel(found(params)));
    app.get<ModelRoute>(`${path}/ready`, async ({ params }, reply) => {
      const { name, current } = found(params);
      return sendReady(reply, { name }, current !== undefined);
    });
    app.post<ModelRoute>(`${path}/infer`, async ({ params, body }, reply) =>
      answer(reply, found(params), { body: body as InferBody, store: options.store }),
    );
  }
}

interface Asked {
  readonly body: InferBody;
  readonly store: ApiOptions['store'];
}

async function answer(reply: FastifyReply, host: ModelHost, { body, store }: Asked): Promise<FastifyReply> {
  try {
    const response = writeInferResponse(await infer({ host, body, signal: goneSignal(reply) }));
    return reply.headers(response.headers).send(response.body);
  } catch (error) {
    const storing = isToBeStored(body, error) ? store(host.name, body) : undefined;
    if (storing === undefined) throw error;
    return reply.code(202).send({ model_name: host.name, parameters: { stored: await storing } });
  }
}

function sendReady(reply: FastifyReply, more: object, ready: boolean): FastifyReply {
  return reply.code(ready ? 200 : 503).send({ ...more, ready });
}

function inUse(host: ModelHost, version: string | undefined): ModelHost {
  const current = host.current?.installed.version;
  if (version === undefined || version === current) return host;
  throw new SplitError(
    'model-unknown',
    `version '${version}' of '${host.name}' is not in use; '${current}' is`,
  );
}

function describeModel({ name, current }: ModelHost): object {
  if (current === undefined)
    throw new SplitError('gateway-unavailable', `no version of model '${name}' is on this device yet`);
  const { inputMetadata: inputs, outputMetadata: outputs, arms } = current.session;
  const described = modelMetadata({ name, versions: [current.installed.version], inputs, outputs });
  return { ...described, parameters: { arms: arms.map(({ id }) => id) } };
}

/** Fires when the connection ends before the answer was written. */
function goneSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableEnded)
      gone.abort(new SplitError('aborted', 'the application closed its connection'));
  });
  return gone.signal;
}

/** A name that a web page's owner points at this machine is not this machine's. */
function checkHost(request: FastifyRequest): void {
  // Nobody gets to the Unix socket by a name: clients write anything, or nothing, as the host.
  if (request.socket.remoteAddress === undefined) return;
  if (isLoopback(request.hostname.replace(/^\[|\]$/g, ''))) return;
  throw new SplitError(
    'options-invalid',
    `host is '${request.hostname}'; expected localhost or a loopback address`,
  );
}

function replyWithError(reply: FastifyReply, error: unknown): void {
  const status = (error as { statusCode?: number }).statusCode;
  const { code, message } = asSplitError(error);
  const isClientError = status !== undefined && status >= 400 && status < 500;
  void reply
    .code(isClientError ? status : httpStatusOf(code))
    .send({ error: isClientError ? message : `${code}: ${message}` });
}
