/** What the page under test runs: sessions by number, tensors as base64, so that a test in Node can drive it. */
import type { SplitSession, Tensor, Trace, WebSessionOptions } from '../../sdk/src/web.ts';

type Door = typeof import('../../sdk/src/web.ts');

export interface PageTensor {
  readonly type: Tensor['type'];
  readonly dims: readonly number[];
  readonly base64: string;
}

export interface PageAnswer {
  readonly outputs: Readonly<Record<string, PageTensor>>;
  readonly trace: Trace;
  /** From the call to its answer as the page sees it, in milliseconds. */
  readonly pageMs: number;
  /** Longest time that the page's own thread was held up meanwhile, in milliseconds. */
  readonly heldUpMs: number;
}

export interface PageRunOptions {
  readonly arm?: string;
  readonly deadlineMs?: number;
}

export interface SessionPage {
  /** @returns what runs the model there */
  open(model: string, options: WebSessionOptions): Promise<string>;
  arms(): readonly string[];
  run(feeds: PageFeeds, options?: PageRunOptions): Promise<PageAnswer>;
  /** One after the other; of each what its trace says and how long the page's thread was held up. */
  runMany(
    feeds: PageFeeds,
    options: PageRunOptions & { readonly count: number },
  ): Promise<readonly Omit<PageAnswer, 'outputs'>[]>;
  release(): Promise<void>;
}

export type PageFeeds = Readonly<Record<string, PageTensor>>;

/** @param door the module of `@cutpoint/sdk/web`, as the page imported it */
export function createSessionPage({ createSplitSession }: Door): SessionPage {
  let session: SplitSession;
  return {
    async open(model, options) {
      session = await createSplitSession(model, options);
      return session.runtime;
    },
    arms: () => session.arms.map(({ id }) => id),
    async run(feeds, options = {}) {
      const { results, ...rest } = await watchRun(session, toTensors(feeds), options);
      const outputs = Object.fromEntries(
        Object.entries(results).map(([name, { type, dims, data }]) => [
          name,
          { type: type as Tensor['type'], dims, base64: toBase64(data as Uint8Array) },
        ]),
      );
      return { outputs, ...rest };
    },
    async runMany(feeds, { count, ...options }) {
      const own = toTensors(feeds);
      const answers = [];
      for (let i = 0; i < count; i++) {
        const { results: _results, ...answer } = await watchRun(session, own, options);
        answers.push(answer);
      }
      return answers;
    },
    release: () => session.release(),
  };
}

async function watchRun(
  session: SplitSession,
  feeds: Readonly<Record<string, Tensor>>,
  options: PageRunOptions,
) {
  const watch = watchThread();
  let trace: Trace | undefined;
  const startMs = performance.now();
  const results = await session.run(feeds, {
    ...options,
    onTrace: (given) => {
      trace = given;
    },
  });
  const pageMs = performance.now() - startMs;
  return { results, trace: trace as Trace, pageMs, heldUpMs: watch.stop() };
}

/** Messages to oneself, one after the other: a long pause between two is time in which the page could do nothing. */
function watchThread(): { stop(): number } {
  const { port1, port2 } = new MessageChannel();
  let last = performance.now();
  let longest = 0;
  port1.onmessage = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    setTimeout(() => {
      last = performance.now();
      port2.postMessage(0);
    }, 1);
  };
  port2.postMessage(0);
  return {
    stop() {
      port1.close();
      return longest;
    },
  };
}

function toTensors(feeds: PageFeeds): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, toTensor(tensor)]));
}

function toTensor({ type, dims, base64 }: PageTensor): Tensor {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const data = type === 'float32' ? new Float32Array(bytes.buffer) : bytes;
  return { type, dims, data };
}

function toBase64(view: ArrayBufferView): string {
  const bytes = new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength);
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += 32_768)
    parts.push(String.fromCharCode(...bytes.subarray(at, at + 32_768)));
  return btoa(parts.join(''));
}
