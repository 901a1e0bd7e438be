/** The page and its stream of updates, on whatever HTTP server the gateway has. */
import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { LIVE_SCRIPT } from './live-script.ts';
import type { LiveState } from './live-state.ts';
import { type PageFacts, renderLiveMain, renderLivePage } from './render.ts';

export interface PageRoutesOptions {
  readonly state: LiveState;
  readonly facts: PageFacts;
  /** How often viewers are told, in milliseconds. @default 1000 */
  readonly everyMs?: number;
}

/** More would cost the gateway what its devices need. */
const MAX_VIEWERS = 32;
// A viewer that does not read what it is sent is dropped rather than buffered for.
const MAX_BACKLOG_BYTES = 1 << 20;
const SCRIPT_HASH = createHash('sha256').update(LIVE_SCRIPT).digest('base64');

const HEADERS = {
  'content-security-policy': `default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${SCRIPT_HASH}'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
};

export function addPage(app: FastifyInstance, { state, facts, everyMs = 1000 }: PageRoutesOptions): void {
  const viewers = new Set<ServerResponse>();
  let timer: NodeJS.Timeout | undefined;
  const tell = () => {
    const data = `data: ${JSON.stringify(renderLiveMain(facts, state.snapshot()))}\n\n`;
    for (const viewer of viewers) {
      if (viewer.writableLength > MAX_BACKLOG_BYTES) viewer.destroy();
      else viewer.write(data);
    }
  };
  const leave = (viewer: ServerResponse) => {
    viewers.delete(viewer);
    if (viewers.size === 0) clearInterval(timer);
  };

  app.get('/', async (_request, reply) => {
    return reply
      .headers(HEADERS)
      .type('text/html; charset=utf-8')
      .send(renderLivePage(facts, state.snapshot()));
  });
  app.get('/live', (_request, reply) => {
    if (viewers.size >= MAX_VIEWERS) {
      return reply.code(503).send({ error: `overloaded: ${MAX_VIEWERS} viewers watch already` });
    }
    reply.hijack();
    const viewer = reply.raw;
    viewer.writeHead(200, { ...HEADERS, 'content-type': 'text/event-stream' });
    viewer.write('retry: 2000\n\n');
    if (viewers.size === 0) timer = setInterval(tell, everyMs);
    viewers.add(viewer);
    viewer.once('close', () => leave(viewer));
  });
  // Streams have no end of their own: a server that closes must not wait for them.
  app.addHook('preClose', async () => {
    for (const viewer of viewers) viewer.end();
  });
}
