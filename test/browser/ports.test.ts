/** The suites of the ports, on the adapters that a page has: each call goes to Chromium and back. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBroker } from '../../cloud-gateway/src/broker/broker.ts';
import { SplitError } from '../../sdk/src/errors.ts';
import { wholeTensor } from '../../sdk/src/runtime/feeds.ts';
import type { LoadedModel, Runtime } from '../../sdk/src/runtime/runtime.ts';
import { runtimeSuite } from '../../sdk/src/runtime/suite.ts';
import { type Tensor, tensorBytes, tensorFromBytes } from '../../sdk/src/tensor.ts';
import { type SuiteBroker, transportSuite } from '../../sdk/src/transport/suite.ts';
import type { Receive, Transport } from '../../sdk/src/transport/transport.ts';
import { bundle } from '../../sdk/web-build/build.mjs';
import { hasChromium, openChromium } from '../support/chromium.ts';
import { openGate, type TcpGate } from '../support/tcp-gate.ts';
import { startWebServer, type WebServer } from '../support/web-server.ts';
import type { Result, WireTensor } from './ports-page.ts';

type Ports = typeof import('./ports-page.ts');
const skipReason = hasChromium() ? undefined : 'there is no Chromium';
let browser: Browser;
let server: WebServer;
let page: Page;
const receivers = new Map<number, Receive>();
const stateListeners = new Map<number, Set<(state: 'connected' | 'lost') => void>>();
let nextNumber = 1;

beforeAll(async () => {
  if (skipReason) return;
  const folder = await mkdtemp(join(tmpdir(), 'cutpoint-ports-'));
  const file = join(folder, 'ports.js');
  await bundle(new URL('ports-page.ts', import.meta.url).pathname, file, { isSession: true });
  server = await startWebServer({
    isStrict: true,
    files: {
      '/': new TextEncoder().encode(
        '<!doctype html><title>ports</title><script type="module" src="/main.js"></script>',
      ),
      '/main.js': new TextEncoder().encode("import * as ports from '/ports.js'; globalThis.ports = ports;"),
      '/ports.js': await readFile(file),
      '/favicon.ico': new Uint8Array(0),
    },
  });
  await rm(folder, { recursive: true });
  browser = await openChromium();
  page = await browser.newPage();
  await page.exposeFunction('onMessage', (subscription: number, topic: string, base64: string) =>
    receivers.get(subscription)?.(topic, bytesOf(base64)),
  );
  await page.exposeFunction('onState', (number: number, state: 'connected' | 'lost') => {
    for (const listener of stateListeners.get(number) ?? []) listener(state);
  });
  await page.goto(server.url);
  await page.waitForFunction('globalThis.ports');
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
});

describe.skipIf(skipReason)('the web adapters', () => {
  runtimeSuite('ort-web in Chromium', createRemoteRuntime);
  transportSuite('MQTT.js over WebSocket in Chromium', startWebBroker);

  it('say which file is not where it should be', async () => {
    const files = { ...filesIn('/cutpoint/'), wasm: `${server.url}/nowhere.wasm` };
    const result = await call((ports, given) => ports.runtime.create(given), {
      files,
      webgpuFiles: files,
    });
    expect(result).toMatchObject({
      error: { code: 'provider-unavailable', message: expect.stringMatching(/nowhere\.wasm.*copy-assets/) },
    });
  });

  it('run on one thread without isolation, and on WebAssembly without an adapter, and say so', async () => {
    const asked = { threads: 4, provider: 'webgpu' } as const;
    const result = await call((ports, given) => ports.runtime.create(given), {
      files: filesIn('/cutpoint/'),
      webgpuFiles: filesIn('/cutpoint/', '-webgpu', '.asyncify'),
      ...asked,
    });
    const { description, provider } = unwrap(result);
    expect(description).toMatch(
      /^onnxruntime-web [\d.]+ wasm, 1 thread; webgpu was asked for: .+; 4 threads/,
    );
    expect(provider).toBe('wasm');
  });

  it('load nothing beyond the lean build unless WebGPU is there', () => {
    expect(server.requests.filter((path) => path.includes('asyncify'))).toEqual([]);
  });
});

function filesIn(folder: string, worker = '', build = '') {
  const url = (name: string) => `${server.url}${folder}${name}`;
  return {
    worker: url(`cutpoint-ort${worker}.js`),
    glue: url(`ort-wasm-simd-threaded${build}.mjs`),
    wasm: url(`ort-wasm-simd-threaded${build}.wasm`),
  };
}

/** Calls a function in the page with the page's ports and what JSON can carry. */
function call<A, T>(work: (ports: Ports, given: A) => Promise<T> | T, given: A): Promise<T> {
  return page.evaluate(`(${work})(globalThis.ports, ${JSON.stringify(given)})`) as Promise<T>;
}

function unwrap<T>(result: Result<T>): T {
  if ('value' in result) return result.value;
  throw new SplitError(result.error.code as never, result.error.message);
}

async function createRemoteRuntime(): Promise<Runtime> {
  const made = unwrap(
    await call((ports, given) => ports.runtime.create(given), {
      files: filesIn('/cutpoint/'),
      webgpuFiles: filesIn('/cutpoint/', '-webgpu', '.asyncify'),
      threads: 1,
    }),
  );
  const numbers = new WeakMap<LoadedModel, number>();
  return {
    description: made.description,
    async load({ bytes, optimization }) {
      const given = { runtime: made.number, base64: base64Of(bytes), optimization };
      const { number, inputs, outputs } = unwrap(
        await call((ports, g) => ports.runtime.load(g.runtime, g.base64, g.optimization), given),
      );
      const model: LoadedModel = {
        inputs,
        outputs,
        release: async () => unwrap(await call((ports, g) => ports.runtime.release(g), number)),
      };
      numbers.set(model, number);
      return model;
    },
    async run({ models, feeds, fetches, signal }) {
      if (signal?.aborted) throw new SplitError('aborted', 'the signal fired before the run began');
      const run = 1_000_000 + nextNumber++;
      const abort = () => void call((ports, g) => ports.runtime.abort(g), run);
      signal?.addEventListener('abort', abort, { once: true });
      const wire = Object.entries(feeds).map(
        ([name, feed]) => [name, toWire(wholeTensor(feed))] as [string, WireTensor],
      );
      const request = {
        models: models.map((model) => numbers.get(model) ?? 0),
        feeds: wire,
        fetches: [...fetches],
      };
      const { values, stepMs } = unwrap(
        await call((ports, g) => ports.runtime.run(g.runtime, g.run, g.request), {
          runtime: made.number,
          run,
          request,
        }),
      );
      return { values: Object.fromEntries(values.map(([name, tensor]) => [name, fromWire(tensor)])), stepMs };
    },
    close: async () => unwrap(await call((ports, g) => ports.runtime.close(g), made.number)),
  };
}

/** The broker inside the gateway; each connection of the page goes through a gate of its own, so that it can be severed. */
async function startWebBroker(): Promise<SuiteBroker> {
  const anyPort = { host: '127.0.0.1', port: 0 };
  let broker = await startBroker({ listen: anyPort, webSocket: anyPort, maxMessageBytes: 1 << 20 });
  const port = Number(new URL(broker.webSocketUrl ?? '').port);
  const gates = new Map<Transport, TcpGate>();
  return {
    async connect({ will } = {}) {
      const gate = await openGate(port);
      const options = {
        url: `ws://127.0.0.1:${gate.port}`,
        reconnectMs: 20,
        ...(will && { will: { topic: will.topic, retain: will.retain, base64: base64Of(will.payload) } }),
      };
      const number = unwrap(await call((ports, g) => ports.transport.connect(g), options));
      const transport = await remoteTransport(number);
      gates.set(transport, gate);
      return transport;
    },
    sever: async (transport) => gates.get(transport)?.sever(),
    async restart() {
      await broker.close();
      broker = await startBroker({
        listen: anyPort,
        webSocket: { ...anyPort, port },
        maxMessageBytes: 1 << 20,
      });
    },
    async close() {
      await Promise.all([...gates.values()].map((gate) => gate.close()));
      await broker.close();
    },
  };
}

async function remoteTransport(number: number): Promise<Transport> {
  const listeners = new Set<(state: 'connected' | 'lost') => void>();
  let isConnected = true;
  stateListeners.set(number, listeners);
  listeners.add((state) => {
    isConnected = state === 'connected';
  });
  return {
    maxPacketBytes: Number.POSITIVE_INFINITY,
    get isConnected() {
      return isConnected;
    },
    async publish(topic, payload, options) {
      const given = { number, topic, base64: base64Of(payload), options };
      unwrap(
        await call((ports, g) => ports.transport.publish(g.number, g.topic, g.base64, g.options), given),
      );
    },
    async subscribe(filter, receive) {
      const subscription = 2_000_000 + nextNumber++;
      receivers.set(subscription, receive);
      unwrap(
        await call((ports, g) => ports.transport.subscribe(g.number, g.subscription, g.filter), {
          number,
          subscription,
          filter,
        }),
      );
      return {
        close: async () => unwrap(await call((ports, g) => ports.transport.unsubscribe(g), subscription)),
      };
    },
    onStateChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      isConnected = false;
      unwrap(await call((ports, g) => ports.transport.close(g), number));
    },
  };
}

function toWire(tensor: Tensor): WireTensor {
  return { type: tensor.type, dims: tensor.dims, base64: base64Of(tensorBytes(tensor)) };
}

function fromWire({ type, dims, base64 }: WireTensor): Tensor {
  return tensorFromBytes(type, dims, bytesOf(base64));
}

const base64Of = (bytes: Uint8Array) =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
const bytesOf = (base64: string) => new Uint8Array(Buffer.from(base64, 'base64'));
