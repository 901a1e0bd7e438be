/**
 * The gateway's HTTP server: it lives before models are loaded and is ready while devices may send. Whoever has routes adds
 * them to `app` before it listens.
 */
import { asSplitError, SplitError } from '@cutpoint/sdk';
import { httpStatusOf, INFERENCE_HEADER, type InferBody, splitInferBody } from '@cutpoint/sdk/oip';
import { addressUrl, type ListenAddress } from '@cutpoint/sdk/program';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';

export interface HttpServerOptions {
  /** Asked each time: models are warm, the broker is there, and no drain has begun. */
  isReady(): boolean;
  /** Largest request body, in bytes. */
  readonly maxBodyBytes: number;
}

export interface HttpServer {
  readonly app: FastifyInstance;
  /**
   * Resolves to the URL with the port that was really taken.
   * @throws SplitError `options-invalid` when the address cannot be taken
   */
  listen(address: ListenAddress): Promise<string>;
  /** Lets the requests in hand finish. */
  close(): Promise<void>;
}

export function createHttpServer({ isReady, maxBodyBytes }: HttpServerOptions): HttpServer {
  const app = fastify({ bodyLimit: maxBodyBytes, forceCloseConnections: 'idle' });
  addBodies(app);
  // Not where bodies are read: load and unload do without one.
  app.addHook('onRequest', async (request) => checkSender(request));
  app.addHook('preHandler', async (request) => {
    // No parser sees a request without a body.
    request.body ??= { json: {}, binary: new Uint8Array() } satisfies InferBody;
  });
  app.setErrorHandler((error, _request, reply) => replyWithError(reply, error));
  app.setNotFoundHandler((request, reply) => {
    void reply.code(404).send({ error: `no ${request.method} ${request.url} here` });
  });
  app.get('/v2/health/live', async () => ({ live: true }));
  app.get('/v2/health/ready', async (_request, reply) => {
    const ready = isReady();
    return reply.code(ready ? 200 : 503).send({ ready });
  });
  return { app, listen: (address) => listenOn(app, address), close: () => app.close() };
}

/** JSON, and tensors as bytes after JSON. Clients of that extension often say no type at all. */
function addBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, async (request: FastifyRequest, bytes: Buffer) => {
    const length = request.headers[INFERENCE_HEADER];
    // Load and unload may come without a body.
    if (bytes.length === 0) return { json: {}, binary: bytes };
    return splitInferBody(bytes, Array.isArray(length) ? length[0] : length);
  });
}

/** A web page may send text, forms, bytes without a type and nothing anywhere, without being asked; it always says who it is. */
function checkSender({ method, headers }: FastifyRequest): void {
  if (method === 'GET' || method === 'HEAD') return;
  const type = headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (type === 'application/json' || headers.origin === undefined) return;
  const error = new SplitError(
    'options-invalid',
    `content type ${type ?? 'none'} is not taken of a page; use JSON`,
  );
  throw Object.assign(error, { statusCode: 415 });
}

async function listenOn(app: FastifyInstance, { host, port }: ListenAddress): Promise<string> {
  try {
    await app.listen({ host, port });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SplitError('options-invalid', `http: cannot listen on ${host}:${port}: ${why}`, { cause });
  }
  const address = app.server.address();
  const taken = typeof address === 'object' && address !== null ? address.port : port;
  return addressUrl('http', { host, port: taken });
}

/** What Fastify refuses has a status of its own; of ours, the code says it. */
function replyWithError(reply: FastifyReply, error: unknown): void {
  const { statusCode } = error as { statusCode?: number };
  const { code, message, retryAfterMs, price } = asSplitError(error);
  const isRefusal = statusCode !== undefined && statusCode >= 400 && statusCode < 500;
  if (retryAfterMs !== undefined) void reply.header('retry-after', String(Math.ceil(retryAfterMs / 1000)));
  void reply.code(isRefusal ? statusCode : httpStatusOf(code)).send({
    error: isRefusal ? message : `${code}: ${message}`,
    ...(retryAfterMs !== undefined && { retry_after_ms: retryAfterMs }),
    ...(price !== undefined && { price }),
  });
}
