/**
 * The worker in which a page's session lives: model, codec, controller and connection, so that none of them ever holds up the
 * page, and a hidden tab's slow timers do not cost the connection. Started by remote-session.ts.
 */
import { asSplitError } from '../errors.ts';
import { createSplitSessionOn } from '../session/create.ts';
import type { RunOptions } from '../session/run-arguments.ts';
import type { SplitSession } from '../session/split-session.ts';
import type { Trace } from '../session/trace.ts';
import { fetchSource } from '../source/fetch.ts';
import { memorySource } from '../source/memory.ts';
import type { Tensor } from '../tensor.ts';
import type { FromSession, OpenMessage, RunMessage, SessionState, ToSession, WireError } from './messages.ts';
import { webPlatform } from './platform.ts';

/** The part of a dedicated worker's global that is used here. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<ToSession>) => void) | null;
  postMessage(message: FromSession, transfer?: ArrayBuffer[]): void;
}

const scope = globalThis as unknown as WorkerScope;
scope.onmessage = ({ data }) => {
  if (data.kind === 'open') void open(data);
};

async function open({ model, options, assets }: OpenMessage): Promise<void> {
  try {
    const source = 'bytes' in model ? memorySource(model.bytes) : fetchSource(model.url, model);
    const session = await createSplitSessionOn(webPlatform(assets), source, options);
    serve(session);
    const { inputMetadata, outputMetadata, arms, runtime } = session;
    scope.postMessage({
      kind: 'opened',
      facts: { inputMetadata, outputMetadata, arms, runtime },
      state: stateOf(session),
    });
  } catch (error) {
    scope.postMessage({ kind: 'failed', error: toWire(error) });
  }
}

function serve(session: SplitSession): void {
  const runs = new Map<number, AbortController>();
  const images = createImageAsker();

  async function run({ id, feeds, fetches, options }: RunMessage): Promise<void> {
    const controller = new AbortController();
    runs.set(id, controller);
    let trace: Trace | undefined;
    try {
      const outputs = await session.run(Object.fromEntries<Tensor>(feeds), fetches, {
        ...withFiles(id, options),
        signal: controller.signal,
        onTrace: (given) => {
          trace = given;
        },
      });
      const own = Object.entries(outputs).map(([name, tensor]) => [name, ownTensor(tensor)] as const);
      const message = {
        kind: 'answer',
        id,
        outputs: own,
        trace: trace as Trace,
        state: stateOf(session),
      } as const;
      scope.postMessage(message, [...new Set(own.map(([, { data }]) => data.buffer as ArrayBuffer))]);
    } catch (error) {
      scope.postMessage({ kind: 'refused', id, error: toWire(error), state: stateOf(session) });
    } finally {
      runs.delete(id);
    }
  }

  function withFiles(id: number, { images: remote, ...rest }: RunMessage['options']): RunOptions {
    return remote ? { ...rest, images: images.of(id, remote) } : rest;
  }

  session.on('cut-change', (event) => scope.postMessage({ kind: 'cut-change', event }));
  scope.onmessage = ({ data }) => {
    if (data.kind === 'run') void run(data);
    else if (data.kind === 'abort') runs.get(data.id)?.abort();
    else if (data.kind === 'image') images.answer(data.ask, data.file);
    else if (data.kind === 'release')
      void session.release().finally(() => scope.postMessage({ kind: 'released' }));
  };
}

/** Files that the application makes when they are needed: the page is asked for them. */
function createImageAsker() {
  const waiting = new Map<number, { resolve(file: Uint8Array): void; reject(error: unknown): void }>();
  let nextAsk = 1;
  const ask = (id: number, name: string) =>
    new Promise<Uint8Array>((resolve, reject) => {
      waiting.set(nextAsk, { resolve, reject });
      scope.postMessage({ kind: 'want-image', ask: nextAsk++, id, name });
    });
  return {
    of(id: number, images: NonNullable<RunMessage['options']['images']>): NonNullable<RunOptions['images']> {
      return Object.fromEntries(
        Object.entries(images).map(([name, { mean, std, file }]) => [
          name,
          { mean, std, file: file ?? (() => ask(id, name)) },
        ]),
      );
    },
    answer(number: number, file: Uint8Array | WireError): void {
      const wait = waiting.get(number);
      waiting.delete(number);
      if (file instanceof Uint8Array) wait?.resolve(file);
      else wait?.reject(asSplitError(new Error(file.message), file.code));
    },
  };
}

/** Bytes that nobody else looks at, so that they can be handed over. */
function ownTensor({
  type,
  data,
  dims,
}: Tensor | { type: string; data: unknown; dims: readonly number[] }): Tensor {
  const view = data as Tensor['data'];
  const isWhole = view.byteLength === view.buffer.byteLength;
  return { type: type as Tensor['type'], data: isWhole ? view : view.slice(), dims: [...dims] };
}

function stateOf(session: SplitSession): SessionState {
  return { stats: session.stats(), predictions: session.predictions() };
}

function toWire(error: unknown): WireError {
  const { code, message } = asSplitError(error);
  return { code, message };
}
