/** The Open Inference Protocol v2 over HTTP, for applications on this machine. */
import { asSplitError, SplitError } from '@cutpoint/sdk';
import type { SplitSession, ValueMetadata } from '@cutpoint/sdk/node';
import { isLoopback } from '@cutpoint/sdk/program';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { httpStatusOf } from './http-status.ts';
import { infer } from './infer.ts';
import { datatypeOf } from './oip-tensor.ts';

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
  // A web page may send plain text anywhere without being asked; JSON it may not.
  app.removeContentTypeParser('text/plain');
  app.addHook('onRequest', async (request) => checkHost(request));
  app.setErrorHandler((error, _request, reply) => replyWithError(reply, error));
  app.setNotFoundHandler((request, reply) => {
    void reply.code(404).send({ error: `no ${request.method} ${request.url} here` });
  });
  addHealth(app, options);
  addModels(app, options.sessions);
  return app;
}

function addHealth(app: FastifyInstance, { version }: ApiOptions): void {
  app.get('/v2', async () => ({ name: 'cutpoint-edge', version, extensions: [] }));
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
    return await infer({ name, session, body, signal: goneSignal(reply) });
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
  // Any dimension that is not fixed is -1 in this protocol.
  const tensor = ({ name, type, shape }: ValueMetadata) => ({
    name,
    datatype: datatypeOf(type),
    shape: shape.map((dim) => (typeof dim === 'number' ? dim : -1)),
  });
  return {
    name,
    platform: 'onnxruntime_onnx',
    inputs: inputMetadata.map(tensor),
    outputs: outputMetadata.map(tensor),
    parameters: { arms: arms.map(({ id }) => id) },
  };
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
