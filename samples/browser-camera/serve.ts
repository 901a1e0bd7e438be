/** The sample's web server: the page, the SDK as it is built for pages, ONNX Runtime's files, and the slider's knob. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { stripTypeScriptTypes } from 'node:module';
import { extname, join } from 'node:path';
import { PAGE_STYLE } from '@cutpoint/sdk/report';
import { modelPaths, readAlphabet } from '../ocr/models.ts';

export interface ServeOptions {
  readonly port: number;
  /** Folder filled by `cutpoint copy-assets`. */
  readonly assets: string;
  /** `ws://…` as the page is to use it. */
  readonly broker: string;
  readonly setRate: (bitsPerSecond: number) => void;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.ts': 'text/javascript',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.jpg': 'image/jpeg',
};
const SAMPLES = join(import.meta.dirname, '..');
/** Nothing else of the samples is served. */
const MODULES =
  /^\/(browser-camera\/(page|read-text|rate|view)|ocr\/(box|components|text-boxes|crop|ctc))\.ts$/;

/** @returns where the page is, and how to stop */
export async function servePage(
  options: ServeOptions,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const page = await readFile(join(import.meta.dirname, 'index.html'), 'utf8');
  const headers = { ...isolation, 'content-security-policy': policy(page, options.broker) };

  async function find(path: string): Promise<string | Uint8Array | undefined> {
    if (path === '/') return page;
    if (path === '/style.css') return PAGE_STYLE;
    if (path === '/settings.json')
      return JSON.stringify({ broker: options.broker, alphabet: await readAlphabet() });
    if (path === '/browser-camera/page.css') return await readFile(join(SAMPLES, path));
    if (path === '/example.jpg') return await readFile(join(SAMPLES, 'ocr/assets/street-sign.jpg'));
    if (path === '/models/detector.onnx') return await readFile(modelPaths().detector);
    if (path === '/models/recogniser.onnx') return await readFile(modelPaths().recogniser);
    if (MODULES.test(path)) return stripTypeScriptTypes(await readFile(join(SAMPLES, path), 'utf8'));
    const [, asset] = /^\/cutpoint\/([\w.-]+)$/.exec(path) ?? [];
    return asset === undefined
      ? undefined
      : await readFile(join(options.assets, asset)).catch(() => undefined);
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', 'http://page');
    if (request.method === 'POST' && pathname === '/link') {
      const { bitsPerSecond } = JSON.parse(await bodyOf(request)) as { bitsPerSecond: number };
      options.setRate(Math.min(1e9, Math.max(1e4, bitsPerSecond)));
      return void response.writeHead(204, headers).end();
    }
    const found = await find(pathname);
    if (found === undefined) return void response.writeHead(404, headers).end();
    const bytes = Buffer.from(found as string);
    send(request, response, { bytes, headers: { ...headers, 'content-type': typeOf(pathname) } });
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.writeHead(400).end(String(error)));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : options.port;
  return {
    url: `http://127.0.0.1:${port}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** With these a page may use threads. */
const isolation = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};

/** No inline script but the import map, no eval, nothing of other hosts. */
function policy(page: string, broker: string): string {
  const [, map = ''] = /<script type="importmap">([^<]*)<\/script>/.exec(page) ?? [];
  const hash = createHash('sha256').update(map).digest('base64');
  return [
    "default-src 'none'",
    `script-src 'self' 'wasm-unsafe-eval' 'sha256-${hash}'`,
    "worker-src 'self'",
    `connect-src 'self' ${broker}`,
    "img-src 'self' data: blob:",
    'media-src blob:',
    "style-src 'self' 'unsafe-inline'",
  ].join('; ');
}

function typeOf(path: string): string {
  return path === '/' ? 'text/html; charset=utf-8' : (TYPES[extname(path)] ?? 'application/octet-stream');
}

interface Found {
  readonly bytes: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

/** Whole, or the range that was asked for: models are fetched in pieces. */
function send(
  { headers: { range } }: IncomingMessage,
  response: ServerResponse,
  { bytes, headers }: Found,
): void {
  const etag = `"${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}"`;
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? [];
  if (from === undefined || to === undefined)
    return void response.writeHead(200, { ...headers, etag }).end(bytes);
  const end = Math.min(Number(to) + 1, bytes.length);
  const place = { 'content-range': `bytes ${from}-${end - 1}/${bytes.length}`, etag };
  response.writeHead(206, { ...headers, ...place }).end(bytes.subarray(Number(from), end));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text;
}
