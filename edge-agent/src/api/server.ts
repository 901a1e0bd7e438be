/** The Open Inference Protocol v2 over HTTP, for applications on this machine. */
import { asSplitError, SplitError } from '@cutpoint/sdk';
import type { SplitSession } from '@cutpoint/sdk/node';
import {
  httpStatusOf,
  INFERENCE_HEADER,
  type InferBody,
  modelMetadata,
  splitInferBody,
} from '@cutpoint/sdk/oip';
import { isLoopback } from '@cutpoint/sdk/program';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { infer } from './infer.ts';

export interface ApiOptions {
  readonly sessions: ReadonlyMap<string, SplitSession>;
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
  app.setErrorHandler((error, _request, reply) => replyWithError(reply, error));
  app.setNotFoundHandler((request, reply) => {
    void reply.code(404).send({ error: `no ${request.method} ${request.url} here` });
  });
  addHealth(app, options);
  addModels(app, options.sessions);
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

function addHealth(app: FastifyInstance, { version }: ApiOptions): void {
  app.get('/v2', async () => ({ name: 'cutpoint-edge', version, extensions: ['binary_tensor_data'] }));
  app.get('/v2/health/live', async () => ({ live: true }));
  // Sessions are made before the server listens, so whoever can ask gets a yes.
  app.get('/v2/health/ready', async () => ({ ready: true }));
}

interface ModelRoute {
  Params: { name: string };
}

function addModels(app: FastifyInstance, sessions: ApiOptions['sessions']): void {
  app.get<ModelRoute>('/v2/models/:name', async ({ params: { name } }) =>
    describeModel(name, find(sessions, name)),
  );
  app.get<ModelRoute>('/v2/models/:name/ready', async ({ params: { name } }) => {
    find(sessions, name);
    return { name, ready: true };
  });
  app.post<ModelRoute>('/v2/models/:name/infer', async ({ params: { name }, body }, reply) => {
    const session = find(sessions, name);
    const answer = await infer({ name, session, body: body as InferBody, signal: goneSignal(reply) });
    return await reply.headers(answer.headers).send(answer.body);
  });
}

function find(sessions: ApiOptions['sessions'], name: string): SplitSession {
  const session = sessions.get(name);
  if (session !== undefined) return session;
  throw new SplitError(
    'model-unknown',
    `model '${name}' is not here; there are ${[...sessions.keys()].join(', ')}`,
  );
}

function describeModel(name: string, { inputMetadata, outputMetadata, arms }: SplitSession): object {
  const described = modelMetadata({ name, inputs: inputMetadata, outputs: outputMetadata });
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
