/** The page of session-page.ts as a test in Node drives it. */
import { readFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import type { Page } from 'playwright-core';

import { type Tensor, tensorBytes, tensorFromBytes } from '../../sdk/src/tensor.ts';
import type { WebSessionOptions } from '../../sdk/src/web.ts';
import type { WebServerOptions } from '../support/web-server.ts';
import type { PageAnswer, PageFeeds, PageRunOptions, PageTensor, SessionPage } from './session-page.ts';

type Feeds = Readonly<Record<string, Tensor>>;

export interface Answer extends Omit<PageAnswer, 'outputs'> {
  readonly outputs: Feeds;
}

/** Calls in the page, a session at a time. */
export interface SessionDriver {
  /** What the page's console showed beside plain messages, and what broke its policy. */
  readonly complaints: readonly string[];
  open(model: string, options: WebSessionOptions): Promise<string>;
  arms(): Promise<readonly string[]>;
  run(feeds: Feeds, options?: PageRunOptions): Promise<Answer>;
  runMany(
    feeds: Feeds,
    options: PageRunOptions & { readonly count: number },
  ): Promise<readonly Omit<Answer, 'outputs'>[]>;
  release(): Promise<void>;
}

/** What the web server needs for the page, besides models. */
export async function sessionPageFiles(): Promise<NonNullable<WebServerOptions['files']>> {
  const source = await readFile(new URL('session-page.ts', import.meta.url), 'utf8');
  const main = `import * as door from '/cutpoint/cutpoint.js';
    import { createSessionPage } from '/session-page.js';
    globalThis.sessionPage = createSessionPage(door);`;
  const bytes = (text: string) => new TextEncoder().encode(text);
  return {
    '/': bytes('<!doctype html><title>session</title><script type="module" src="/main.js"></script>'),
    '/main.js': bytes(main),
    '/session-page.js': bytes(stripTypeScriptTypes(source)),
    '/favicon.ico': new Uint8Array(0),
  };
}

/** Loads the page at `url` and waits until its modules have run. */
export async function driveSessionPage(page: Page, url: string): Promise<SessionDriver> {
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() !== 'log') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(url);
  await page.waitForFunction('globalThis.sessionPage');
  /** What crosses is what JSON can carry. */
  const call = <A, T>(work: (there: SessionPage, given: A) => T | Promise<T>, given: A) =>
    page.evaluate(`(${work})(globalThis.sessionPage, ${JSON.stringify(given)})`) as Promise<T>;
  return {
    complaints,
    open: (model, options) =>
      call((there, given) => there.open(given.model, given.options), { model, options }),
    arms: () => call((there) => there.arms(), undefined),
    async run(feeds, options = {}) {
      const given = { feeds: toPage(feeds), options };
      const { outputs, ...rest } = await call((there, g) => there.run(g.feeds, g.options), given);
      return { outputs: fromPage(outputs), ...rest };
    },
    runMany: (feeds, options) =>
      call((there, given) => there.runMany(given.feeds, given.options), { feeds: toPage(feeds), options }),
    release: () => call((there) => there.release(), undefined),
  };
}

function toPage(feeds: Feeds): PageFeeds {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, tensor]) => [
      name,
      { type: tensor.type, dims: tensor.dims, base64: Buffer.from(tensorBytes(tensor)).toString('base64') },
    ]),
  );
}

function fromPage(outputs: Readonly<Record<string, PageTensor>>): Feeds {
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { type, dims, base64 }]) => [
      name,
      tensorFromBytes(type, dims, new Uint8Array(Buffer.from(base64, 'base64'))),
    ]),
  );
}
