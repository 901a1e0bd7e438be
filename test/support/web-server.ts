/** A web server for pages under test: the SDK as it is built for pages, ONNX Runtime's files, and whatever else is put there. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, extname, join } from 'node:path';
import { buildWeb } from '../../sdk/web-build/build.mjs';

export interface WebServerOptions {
  /** Headers that give the page threads. @default false */
  readonly isIsolated?: boolean;
  /** A content-security policy without eval, inline scripts and blob workers. @default false */
  readonly isStrict?: boolean;
  /** Path on the server to a file, or to bytes. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
}

export interface WebServer {
  readonly url: string;
  /** Paths that were asked for, with the range where one was. */
  readonly requests: readonly string[];
  /** From now on whoever asks for the path has the connection cut, as without a network. */
  refuse(path: string): void;
  close(): Promise<void>;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.css': 'text/css',
};
const ISOLATING = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};
const STRICT = {
  'content-security-policy':
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self' ws://127.0.0.1:*; img-src 'self' blob:; style-src 'self'",
};

let built: Promise<string> | undefined;

/** Once a process. */
function builtFiles(): Promise<string> {
  built ??= mkdtemp(join(tmpdir(), 'cutpoint-web-')).then(async (folder) => {
    process.once('exit', () => void rm(folder, { recursive: true, force: true }));
    await buildWeb(folder);
    return folder;
  });
  return built;
}

const ortFolder = dirname(
  createRequire(import.meta.url).resolve('onnxruntime-web/ort-wasm-simd-threaded.wasm'),
);

/** `/cutpoint/` holds what `cutpoint copy-assets` would put there. */
export async function startWebServer(options: WebServerOptions = {}): Promise<WebServer> {
  const { files = {}, isIsolated = false, isStrict = false } = options;
  const folder = await builtFiles();
  const requests: string[] = [];
  const refused = new Set<string>();
  const headers = { ...(isIsolated && ISOLATING), ...(isStrict && STRICT) };

  async function find(path: string): Promise<Uint8Array | undefined> {
    const own = files[path];
    if (own !== undefined) return typeof own === 'string' ? await readFile(own) : own;
    const [, name] = /^\/cutpoint\/([\w.-]+)$/.exec(path) ?? [];
    if (name === undefined) return undefined;
    return await readFile(join(name.startsWith('ort-') ? ortFolder : folder, name)).catch(() => undefined);
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', 'http://page');
    requests.push([pathname, request.headers.range].filter(Boolean).join(' '));
    if (refused.has(pathname)) return void request.socket.destroy();
    const bytes = await find(pathname);
    if (bytes === undefined) return void response.writeHead(404, headers).end();
    const type = TYPES[pathname === '/' ? '.html' : extname(pathname)] ?? 'application/octet-stream';
    const all = { ...headers, 'content-type': type, etag: `"${bytes.length}"`, 'accept-ranges': 'bytes' };
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
    if (from === undefined || to === undefined) return void response.writeHead(200, all).end(bytes);
    const end = Math.min(Number(to) + 1, bytes.length);
    const range = { 'content-range': `bytes ${from}-${end - 1}/${bytes.length}` };
    response.writeHead(206, { ...all, ...range }).end(bytes.subarray(Number(from), end));
  }

  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    refuse: (path) => void refused.add(path),
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}
